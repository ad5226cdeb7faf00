package dev.dstack.model.wire.configuration;

public record InstanceHostnameSelector(
    String hostname) implements InstanceSelector {}
