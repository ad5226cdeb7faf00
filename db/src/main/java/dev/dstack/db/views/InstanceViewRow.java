package dev.dstack.db.views;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** An instance as its workflow shows it; whether an idle one is busy is in its claims. */
public record InstanceViewRow(
    InstanceId id,
    ProjectId project,
    FleetId fleet,
    String fleetName,
    int number,
    String name,
    long revision,
    InstanceStatus status,
    HostState host,
    @Nullable String terminationReason,
    @Nullable String terminationReasonMessage,
    String offerJson,
    @Nullable String providerId,
    @Nullable String hostname,
    Instant createdAt,
    Instant at,
    @Nullable Instant finishedAt) {}
