package dev.dstack.model.wire.event;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
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
    @Nullable List<Optional<UUID>> actors,
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
    Checks.within("limit", limit, 1, 100);
    atMostOne(
        targetProjects,
        targetUsers,
        targetFleets,
        targetInstances,
        targetRuns,
        targetJobs,
        targetVolumes,
        targetGateways,
        targetGatewayReplicas,
        targetSecrets,
        targetPresets);
    atMostOne(withinProjects, withinFleets, withinRuns, withinGateways);
    Checks.size("target_projects", targetProjects, 1, 16);
    Checks.size("target_users", targetUsers, 1, 16);
    Checks.size("target_fleets", targetFleets, 1, 16);
    Checks.size("target_instances", targetInstances, 1, 16);
    Checks.size("target_runs", targetRuns, 1, 16);
    Checks.size("target_jobs", targetJobs, 1, 16);
    Checks.size("target_volumes", targetVolumes, 1, 16);
    Checks.size("target_gateways", targetGateways, 1, 16);
    Checks.size("target_gateway_replicas", targetGatewayReplicas, 1, 16);
    Checks.size("target_secrets", targetSecrets, 1, 16);
    Checks.size("target_presets", targetPresets, 1, 16);
    Checks.size("within_projects", withinProjects, 1, 16);
    Checks.size("within_fleets", withinFleets, 1, 16);
    Checks.size("within_runs", withinRuns, 1, 16);
    Checks.size("within_gateways", withinGateways, 1, 16);
    Checks.size("include_target_types", includeTargetTypes, 1, 16);
    Checks.size("actors", actors, 1, 16);
  }

  /** Two filters of a kind would never match anything. */
  private static void atMostOne(@Nullable List<?>... filters) {
    if (Arrays.stream(filters).filter(Objects::nonNull).count() > 1) {
      throw new IllegalArgumentException(
          "at most one target_* filter and at most one within_* filter can be set");
    }
  }
}
