package dev.dstack.model.wire.secret;

public record GetSecretRequest(String name) {}
