package dev.dstack.db.metrics;

import dev.dstack.model.agent.HostHealth;
import java.time.Instant;

/** What was said of an instance's accelerators at a time. */
public record HostCheck(Instant at, HostHealth health) {}
