package dev.dstack.model.wire.gateway;

import dev.dstack.model.wire.common.ApplyAction;
import org.jspecify.annotations.Nullable;

public record GatewayPlan(
    String projectName,
    String user,
    GatewaySpec spec,
    GatewaySpec effectiveSpec,
    @Nullable Gateway currentResource,
    ApplyAction action) {}
