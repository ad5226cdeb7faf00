package dev.dstack.model.wire.gateway;

public record GetGatewayRequest(String name) {}
