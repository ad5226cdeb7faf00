package dev.dstack.model.wire.configuration;

import org.jspecify.annotations.Nullable;

public record PortMapping(
    @Nullable Integer localPort,
    int containerPort) {}
