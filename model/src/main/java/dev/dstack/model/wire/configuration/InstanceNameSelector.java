package dev.dstack.model.wire.configuration;

public record InstanceNameSelector(
    String name) implements InstanceSelector {}
