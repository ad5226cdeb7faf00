package dev.dstack.model.wire.fleet;

public record ApplyFleetPlanRequest(ApplyFleetPlanInput plan, boolean force) {}
