package dev.dstack.model.wire.gateway;

import org.jspecify.annotations.Nullable;

public record ApplyGatewayPlanInput(GatewaySpec spec, @Nullable Gateway currentResource) {}
