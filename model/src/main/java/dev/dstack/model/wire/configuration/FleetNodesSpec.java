package dev.dstack.model.wire.configuration;

import org.jspecify.annotations.Nullable;

public record FleetNodesSpec(
    int min,
    int target,
    @Nullable Integer max) {}
