package dev.dstack.model.wire.server;

public record OAuthProviderInfo(String name, boolean enabled) {}
