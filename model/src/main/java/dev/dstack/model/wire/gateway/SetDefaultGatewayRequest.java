package dev.dstack.model.wire.gateway;

import org.jspecify.annotations.Nullable;

public record SetDefaultGatewayRequest(String name, @Nullable String gatewayProject) {}
