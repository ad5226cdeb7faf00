package dev.dstack.model.wire.event;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListEventsRequest(
    @Nullable List<UUID> targetProjects,
    @Nullable List<UUID> targetUsers,
    @Nullable List<UUID> targetFleets,
    @Nullable List<UUID> targetInstances,
    @Nullable List<UUID> targetRuns,
    @Nullable List<UUID> targetJobs,
    @Nullable List<UUID> targetVolumes,
    @Nullable List<UUID> targetGateways,
    @Nullable List<UUID> targetGatewayReplicas,
    @Nullable List<UUID> targetSecrets,
    @Nullable List<UUID> targetPresets,
    @Nullable List<UUID> withinProjects,
    @Nullable List<UUID> withinFleets,
    @Nullable List<UUID> withinRuns,
    @Nullable List<UUID> withinGateways,
    @Nullable List<EventTargetType> includeTargetTypes,
    @Nullable List<UUID> actors,
    @Nullable Instant prevRecordedAt,
    @Nullable UUID prevId,
    @Default("100") int limit,
    @Default("false") boolean ascending) {
  public ListEventsRequest {
    targetProjects = Frozen.listOrNull(targetProjects);
    targetUsers = Frozen.listOrNull(targetUsers);
    targetFleets = Frozen.listOrNull(targetFleets);
    targetInstances = Frozen.listOrNull(targetInstances);
    targetRuns = Frozen.listOrNull(targetRuns);
    targetJobs = Frozen.listOrNull(targetJobs);
    targetVolumes = Frozen.listOrNull(targetVolumes);
    targetGateways = Frozen.listOrNull(targetGateways);
    targetGatewayReplicas = Frozen.listOrNull(targetGatewayReplicas);
    targetSecrets = Frozen.listOrNull(targetSecrets);
    targetPresets = Frozen.listOrNull(targetPresets);
    withinProjects = Frozen.listOrNull(withinProjects);
    withinFleets = Frozen.listOrNull(withinFleets);
    withinRuns = Frozen.listOrNull(withinRuns);
    withinGateways = Frozen.listOrNull(withinGateways);
    includeTargetTypes = Frozen.listOrNull(includeTargetTypes);
    actors = Frozen.listOrNull(actors);
  }
}
