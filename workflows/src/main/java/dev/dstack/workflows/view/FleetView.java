package dev.dstack.workflows.view;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.workflows.fleet.Placement;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fleet as shown, with the claims that changed since its last revision; a revision is applied
 * once and in order.
 *
 * @param claimed written beside the instances they are on
 * @param released jobs whose claims ended
 */
public record FleetView(
    FleetId id,
    ProjectId projectId,
    String name,
    long revision,
    FleetStatus status,
    @Nullable String statusMessage,
    Instant createdAt,
    Instant at,
    List<Placement> claimed,
    List<Released> released,
    List<TimelineEvent> events) {
  public FleetView {
    claimed = List.copyOf(claimed);
    released = List.copyOf(released);
    events = List.copyOf(events);
  }

  public record Released(JobId job, InstanceId instance) {}
}
