package dev.dstack.db.views;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What one thing cost within a period.
 *
 * @param name of an instance, a volume or a run
 * @param backend absent for runs and volumes
 * @param hours paid for; those of several jobs or machines are added up
 * @param since from when on it is paid for, which may be before the period
 * @param until absent: still
 */
public record Charge(
    UUID id,
    String name,
    @Nullable String backend,
    double hours,
    double dollars,
    Instant since,
    @Nullable Instant until) {}
