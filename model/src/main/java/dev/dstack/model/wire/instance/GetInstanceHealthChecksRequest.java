package dev.dstack.model.wire.instance;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

public record GetInstanceHealthChecksRequest(
    String fleetName,
    int instanceNum,
    @Nullable Instant after,
    @Nullable Instant before,
    @Nullable Integer limit) {}
