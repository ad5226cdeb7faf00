package dev.dstack.model.wire.configuration;

public record FleetInstanceSelector(
    EntityReference fleet,
    int instance) implements InstanceSelector {}
