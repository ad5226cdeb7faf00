package dev.dstack.model.wire.configuration;

public record FilePathMapping(
    String localPath,
    String path) {}
