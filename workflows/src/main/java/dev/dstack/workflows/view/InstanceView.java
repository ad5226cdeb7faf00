package dev.dstack.workflows.view;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.Offer;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An instance as its workflow knows it. BUSY never stands here: it follows from the fleet's claims,
 * see {@link FleetView}.
 */
public record InstanceView(
    InstanceId id,
    ProjectId projectId,
    FleetId fleetId,
    String fleetName,
    int number,
    String name,
    long revision,
    InstanceStatus status,
    HostState host,
    @Nullable InstanceTerminationReason reason,
    @Nullable String reasonMessage,
    Offer offer,
    @Nullable String providerId,
    @Nullable String hostname,
    Instant createdAt,
    Instant at,
    @Nullable Instant finishedAt,
    List<TimelineEvent> events) {
  public InstanceView {
    events = List.copyOf(events);
  }
}
