package dev.dstack.model.wire.cost;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * @param since absent: 30 days before the end
 * @param until absent, or later than now: now
 */
public record GetCostsRequest(@Nullable Instant since, @Nullable Instant until) {}
