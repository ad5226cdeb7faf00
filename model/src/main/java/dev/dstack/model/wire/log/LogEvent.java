package dev.dstack.model.wire.log;

import java.time.Instant;

public record LogEvent(Instant timestamp, LogEventSource logSource, String message) {}
