package dev.dstack.model.wire.configuration;

public record RegistryAuth(
    String username,
    String password) {}
