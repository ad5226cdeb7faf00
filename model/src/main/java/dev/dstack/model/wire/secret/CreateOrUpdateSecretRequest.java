package dev.dstack.model.wire.secret;

public record CreateOrUpdateSecretRequest(
    String name,
    String value) {}
