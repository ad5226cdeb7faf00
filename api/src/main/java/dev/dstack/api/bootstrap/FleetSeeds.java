package dev.dstack.api.bootstrap;

import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.workflows.fleet.FleetPlan;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The fleets that come with a backend: a run needs one, and these backends leave nothing to choose.
 */
public final class FleetSeeds {
  /** How many machines one fleet's workflow keeps track of. */
  private static final int FLEET_NODES_MAX = 1_000;

  /** dstack's default of an instance that a run made. */
  private static final Duration IDLE_DURATION = Duration.ofMinutes(5);

  private final BackendStore backends;
  private final Fleets fleets;
  private final FleetReader fleetReader;

  public FleetSeeds(BackendStore backends, Fleets fleets, FleetReader fleetReader) {
    this.backends = backends;
    this.fleets = fleets;
    this.fleetReader = fleetReader;
  }

  /**
   * Makes the fleet of a backend's name, or brings it up to date. Backends that need a person's
   * plan have none.
   *
   * @param user absent: the server itself
   */
  public void ensure(ProjectId project, @Nullable UserId user, String backendType) {
    BackendType type = new BackendType(backendType);
    JsonNode options =
        backends.get(project, backendType).map(BackendStore.StoredBackend::config).orElse(null);
    if (options == null) {
      return;
    }
    FleetPlan plan;
    if (type.equals(BackendType.LOCAL)) {
      plan = plan(type, 1, 1, null);
    } else if (type.equals(BackendType.SCRIPTED)) {
      int instances = options.path("instances").asInt(100);
      plan = plan(type, 0, Math.min(instances, FLEET_NODES_MAX), IDLE_DURATION);
    } else {
      return;
    }
    String specJson = Json.lenient().writeValueAsString(spec(plan));
    String planJson = Json.lenient().writeValueAsString(plan);
    Optional<FleetRow> known = fleetReader.get(project, type.name());
    if (known.isEmpty()) {
      try {
        fleets.create(
            new FleetId(UUID.randomUUID()), project, user, type.name(), specJson, planJson);
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NAME_TAKEN) {
          throw e;
        }
      }
    } else if (!plan.equals(Json.lenient().readValue(known.get().planJson(), FleetPlan.class))) {
      fleets.reconfigure(known.get().id(), specJson, planJson);
    }
  }

  private static FleetPlan plan(
      BackendType type, int min, int max, @Nullable Duration idleDuration) {
    Requirements any =
        new Requirements(
            null, 0, null, 0, null, 0, null, null, null, null, List.of(), List.of(), List.of());
    return new FleetPlan(type, min, min, max, any, new Sharing.ByRequest(), idleDuration);
  }

  private static FleetSpec spec(FleetPlan plan) {
    Map<String, Object> configuration =
        Map.of(
            "type",
            "fleet",
            "name",
            plan.backend().name(),
            "nodes",
            Map.of(
                "min",
                plan.nodesMin(),
                "max",
                Objects.requireNonNullElse(plan.nodesMax(), FLEET_NODES_MAX)));
    return Json.lenient()
        .convertValue(Map.of("configuration", configuration, "profile", Map.of()), FleetSpec.class);
  }
}
