package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "alb", required = true)
public record AlbGatewayLoadBalancer() {}
