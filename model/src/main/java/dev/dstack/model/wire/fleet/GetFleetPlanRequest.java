package dev.dstack.model.wire.fleet;

public record GetFleetPlanRequest(FleetSpec spec) {}
