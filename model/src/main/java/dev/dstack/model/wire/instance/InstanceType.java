package dev.dstack.model.wire.instance;

public record InstanceType(String name, Resources resources) {}
