package dev.dstack.model.wire.gateway;

public record GetGatewayPlanRequest(GatewaySpec spec) {}
