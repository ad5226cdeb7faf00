package dev.dstack.model.wire.user;

public record RefreshTokenRequest(String username) {}
