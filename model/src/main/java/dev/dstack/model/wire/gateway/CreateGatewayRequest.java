package dev.dstack.model.wire.gateway;

import dev.dstack.model.wire.configuration.GatewayConfiguration;

public record CreateGatewayRequest(GatewayConfiguration configuration) {}
