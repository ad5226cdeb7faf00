package dev.dstack.db.views;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A fleet as its workflow shows it. */
public record FleetViewRow(
    FleetId id,
    ProjectId project,
    String name,
    long revision,
    FleetStatus status,
    @Nullable String statusMessage,
    Instant createdAt,
    Instant at) {}
