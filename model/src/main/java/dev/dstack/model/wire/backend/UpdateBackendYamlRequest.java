package dev.dstack.model.wire.backend;

public record UpdateBackendYamlRequest(
    String configYaml) {}
