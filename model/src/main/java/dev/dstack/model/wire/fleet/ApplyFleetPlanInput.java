package dev.dstack.model.wire.fleet;

import org.jspecify.annotations.Nullable;

public record ApplyFleetPlanInput(FleetSpec spec, @Nullable Fleet currentResource) {}
