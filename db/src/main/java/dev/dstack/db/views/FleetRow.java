package dev.dstack.db.views;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fleet as wished, with what its workflow shows.
 *
 * @param specJson dstack's FleetSpec
 * @param planJson the workflow's plan
 * @param view absent until its workflow has shown something
 */
public record FleetRow(
    FleetId id,
    ProjectId projectId,
    String project,
    String name,
    String specJson,
    String planJson,
    Instant createdAt,
    @Nullable Instant deleteRequestedAt,
    @Nullable Instant deletedAt,
    @Nullable FleetViewRow view,
    List<InstanceRow> instances) {
  public FleetRow {
    instances = List.copyOf(instances);
  }

  /** A wish to delete shows at once, although the workflow may not have heard of it. */
  public FleetStatus status() {
    FleetStatus shown = view == null ? FleetStatus.SUBMITTED : view.status();
    return deleteRequestedAt != null && !shown.isFinal() ? FleetStatus.TERMINATING : shown;
  }
}
