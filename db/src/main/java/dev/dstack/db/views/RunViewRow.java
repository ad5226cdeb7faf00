package dev.dstack.db.views;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A run as its workflow shows it. */
public record RunViewRow(
    RunId id,
    ProjectId project,
    long revision,
    RunStatus status,
    String statusMessage,
    @Nullable String terminationReason,
    @Nullable String error,
    @Nullable Fleet fleet,
    Instant at,
    @Nullable Instant nextTriggeredAt,
    int priority,
    int deploymentNum) {
  /** The fleet it runs in. */
  public record Fleet(FleetId id, String project, String name) {}
}
