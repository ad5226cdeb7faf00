package dev.dstack.model.wire.gateway;

public record ApplyGatewayPlanRequest(ApplyGatewayPlanInput plan, boolean force) {}
