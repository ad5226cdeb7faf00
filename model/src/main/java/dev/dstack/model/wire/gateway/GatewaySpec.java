package dev.dstack.model.wire.gateway;

import dev.dstack.model.wire.configuration.GatewayConfiguration;
import org.jspecify.annotations.Nullable;

public record GatewaySpec(GatewayConfiguration configuration, @Nullable String configurationPath) {}
