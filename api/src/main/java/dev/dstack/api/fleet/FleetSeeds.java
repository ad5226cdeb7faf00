package dev.dstack.api.fleet;

import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.FleetSecrets;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.views.FleetQuery;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Runs need a fleet, so the backends {@code local} and {@code scripted} get one of their own name:
 * {@code local} has this one machine, the other makes machines when runs want them. For other
 * backends, and beside these, people make fleets.
 */
public final class FleetSeeds {
  private static final Duration IDLE = Duration.ofMinutes(5);
  private static final int FLEETS_MAX = 1_000;

  /** Others may cost money: as upstream, their fleets are a person's decision. */
  private static final Set<String> SEEDED =
      Set.of(BackendType.LOCAL.name(), BackendType.SCRIPTED.name());

  private final BackendStore backends;
  private final FleetReader fleets;
  private final Fleets wishes;
  private final RunDispatcher dispatcher;

  public FleetSeeds(
      BackendStore backends, FleetReader fleets, Fleets wishes, RunDispatcher dispatcher) {
    this.backends = backends;
    this.fleets = fleets;
    this.wishes = wishes;
    this.dispatcher = dispatcher;
  }

  /** Makes the fleet of a backend, or brings its plan up to date. */
  public void ensure(ProjectId project, @Nullable UserId user, String backendType) {
    refreshOthers(project);
    Optional<StoredBackend> backend = backends.get(project, backendType);
    if (backend.isEmpty() || !SEEDED.contains(backendType)) {
      dispatcher.fleetChanged();
      return;
    }
    Integer nodesMax = nodesMax(backend.get());
    String plan = Json.lenient().writeValueAsString(plan(backendType, nodesMax));
    String spec = Json.lenient().writeValueAsString(spec(backendType, nodesMax));
    Optional<FleetRow> there = fleets.get(project, backendType);
    if (there.isPresent()) {
      boolean same =
          Json.lenient().readTree(there.get().planJson()).equals(Json.lenient().readTree(plan));
      if (!same && isSeed(there.get())) {
        change(there.get(), spec, plan);
      }
    } else {
      try {
        wishes.create(new FleetId(UUID.randomUUID()), project, user, backendType, spec, plan);
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NAME_TAKEN) {
          throw e;
        }
        // Another server was faster; its fleet is as good.
      }
    }
    dispatcher.fleetChanged();
  }

  /** The backend is gone, and with it the fleet that was made for it. */
  public void remove(ProjectId project, @Nullable UserId user, String backendType) {
    fleets
        .get(project, backendType)
        .filter(FleetSeeds::isSeed)
        .ifPresent(fleet -> wishes.requestDelete(fleet.id(), user));
    refreshOthers(project);
    dispatcher.fleetChanged();
  }

  /** Made here, and not taken over by a person since: those write no such sharing. */
  private static boolean isSeed(FleetRow fleet) {
    return Json.lenient().readValue(fleet.planJson(), FleetPlan.class).sharing()
        instanceof Sharing.ByRequest;
  }

  /** A fleet that names no backends has machines of all there are now. */
  private void refreshOthers(ProjectId project) {
    List<BackendType> available =
        backends.list(project).stream().map(one -> new BackendType(one.type())).toList();
    for (FleetRow fleet :
        fleets.list(new FleetQuery(List.of(project), true, null, null, FLEETS_MAX, true))) {
      if (isSeed(fleet) || fleet.deleteRequestedAt() != null) {
        continue;
      }
      FleetPlan before = Json.lenient().readValue(fleet.planJson(), FleetPlan.class);
      FleetSpec spec = Json.lenient().readValue(fleet.specJson(), FleetSpec.class);
      FleetPlans.of(spec, available, before)
          .filter(next -> !next.equals(before))
          .ifPresent(
              next -> change(fleet, fleet.specJson(), Json.lenient().writeValueAsString(next)));
    }
  }

  private void change(FleetRow fleet, String spec, String plan) {
    Optional<FleetRecord> record = wishes.get(fleet.id());
    if (record.isEmpty() || record.get().deleteRequested()) {
      return;
    }
    try {
      String secret =
          wishes
              .secrets(fleet.id())
              .map(FleetSecrets::specJson)
              .filter(all -> !all.equals(fleet.specJson()))
              .orElse(null);
      wishes.reconfigure(fleet.id(), record.get().revision(), null, spec, secret, plan);
    } catch (DstackException e) {
      if (e.kind() != ErrorKind.NOT_FOUND) {
        throw e;
      }
      // Somebody else changes it just now, and knows the backends as well.
    }
  }

  private static @Nullable Integer nodesMax(StoredBackend backend) {
    if (backend.type().equals(BackendType.LOCAL.name())) {
      return 1;
    }
    JsonNode instances = backend.config().get("instances");
    return instances != null && instances.isIntegralNumber() && instances.canConvertToInt()
        ? Integer.valueOf(Math.max(1, instances.intValue()))
        : null;
  }

  private static FleetPlan plan(String backendType, @Nullable Integer nodesMax) {
    boolean local = backendType.equals(BackendType.LOCAL.name());
    Requirements any = Requirements.ANY.within(List.of(backendType), List.of(), List.of());
    return new FleetPlan(
        new BackendType(backendType),
        local ? 1 : 0,
        local ? 1 : 0,
        nodesMax,
        any,
        new Sharing.ByRequest(),
        local ? null : IDLE);
  }

  /** In the form in which people would have written it. */
  private static JsonNode spec(String backendType, @Nullable Integer nodesMax) {
    boolean local = backendType.equals(BackendType.LOCAL.name());
    Map<String, @Nullable Object> nodes = new LinkedHashMap<>();
    nodes.put("min", local ? 1 : 0);
    nodes.put("max", nodesMax);
    Map<String, @Nullable Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "fleet");
    configuration.put("name", backendType);
    configuration.put("nodes", nodes);
    if (!local) {
      configuration.put("idle_duration", IDLE.toSeconds());
    }
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("configuration", configuration);
    spec.put("profile", Map.of("name", "default"));
    return Json.tree(spec);
  }
}
