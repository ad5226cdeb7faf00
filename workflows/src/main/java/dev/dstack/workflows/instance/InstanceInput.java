package dev.dstack.workflows.instance;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.Offer;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * @param offer the offer this machine is to be made of
 * @param carried the state of the run before this one, when the workflow continues as new
 */
public record InstanceInput(
    InstanceId id,
    ProjectId projectId,
    String project,
    FleetId fleetId,
    String fleetName,
    String fleetWorkflowId,
    int number,
    String name,
    Offer offer,
    Instant createdAt,
    @Nullable InstanceState carried) {}
