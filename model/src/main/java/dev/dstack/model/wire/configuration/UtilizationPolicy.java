package dev.dstack.model.wire.configuration;

public record UtilizationPolicy(
    int minGpuUtilization,
    Seconds timeWindow) {}
