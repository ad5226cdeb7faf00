package dev.dstack.model.wire.instance;

import java.time.Instant;

public record HealthEvent(Instant timestamp, HealthStatus status, String message) {}
