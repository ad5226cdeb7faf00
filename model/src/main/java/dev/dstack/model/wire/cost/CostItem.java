package dev.dstack.model.wire.cost;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * @param backend of an instance
 * @param hours within the period; those of several jobs of a run are added up
 * @param since from when on it is paid for, which may be before the period
 * @param until absent: still
 */
public record CostItem(
    UUID id,
    String name,
    @Nullable String backend,
    double hours,
    double cost,
    Instant since,
    @Nullable Instant until) {}
