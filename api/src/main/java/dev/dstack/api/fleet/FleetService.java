package dev.dstack.api.fleet;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.config.Limits;
import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Wire;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.model.config.FleetSpecs;
import dev.dstack.model.config.Names;
import dev.dstack.model.config.RunUpdate;
import dev.dstack.model.config.SpecProblem;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.wire.common.ApplyAction;
import dev.dstack.model.wire.configuration.EnvValue;
import dev.dstack.model.wire.fleet.ApplyFleetPlanInput;
import dev.dstack.model.wire.fleet.Fleet;
import dev.dstack.model.wire.fleet.FleetPlan;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Plans, makes, changes and ends fleets. The workflow of each hears of it by the dispatcher. */
public final class FleetService {
  private static final int NAME_ATTEMPTS = 10;
  private static final int OFFERS_SHOWN = 50;

  private final FleetReader reader;
  private final Fleets wishes;
  private final BackendStore backends;
  private final Fleetyard yard;
  private final RunDispatcher dispatcher;
  private final DefaultPermissions permissions;
  private final InUse inUse;
  private final SecureRandom random = new SecureRandom();

  public FleetService(
      FleetReader reader,
      Fleets wishes,
      BackendStore backends,
      Fleetyard yard,
      RunDispatcher dispatcher,
      DefaultPermissions permissions) {
    this.reader = reader;
    this.wishes = wishes;
    this.backends = backends;
    this.yard = yard;
    this.dispatcher = dispatcher;
    this.permissions = permissions;
    this.inUse = new InUse(reader);
  }

  // ---- plan

  FleetPlan plan(FleetSpec spec, ProjectAccess access) {
    check(spec, access);
    FleetSpec effective = FleetSpecs.effective(spec);
    String name = effective.configuration().name();
    Optional<FleetRow> current = name == null ? Optional.empty() : reader.get(access.id(), name);
    ApplyAction action = ApplyAction.CREATE;
    if (current.isPresent()
        && current.get().status() != FleetStatus.TERMINATING
        && diff(current.get(), effective) instanceof RunUpdate.InPlace) {
      action = ApplyAction.UPDATE;
    }
    List<Offer> found =
        spec.configuration().sshConfig() == null ? offers(effective, access) : List.of();
    List<InstanceOfferWithAvailability> shown =
        found.stream()
            .limit(OFFERS_SHOWN)
            .map(offer -> Wire.offer(offer, offer.availability(), 1, blocks(effective, offer)))
            .toList();
    return new FleetPlan(
        access.name(),
        access.caller().username(),
        // With the keys: clients send back what they get here, to whom they came from.
        spec,
        effective,
        current.map(FleetMapper::wire).orElse(null),
        shown,
        found.size(),
        found.isEmpty()
            ? null
            : Double.valueOf(found.stream().mapToDouble(Offer::price).max().orElse(0)),
        action);
  }

  /** What could be made for it: usable ones first, cheapest first. */
  private List<Offer> offers(FleetSpec spec, ProjectAccess access) {
    dev.dstack.workflows.fleet.FleetPlan plan = planOf(spec, access, null);
    Set<String> names = new TreeSet<>();
    names.add(plan.backend().name());
    plan.otherBackends().forEach(other -> names.add(other.name()));
    List<Offer> found = new ArrayList<>();
    yard.backendOffers(access.id())
        .forEach(
            (backend, all) -> {
              if (names.contains(backend)) {
                all.stream()
                    .filter(offer -> plan.requirements().refusal(offer).isEmpty())
                    .filter(offer -> plan.sharing().divides(offer.resources()))
                    .forEach(found::add);
              }
            });
    found.sort(
        Comparator.comparing((Offer offer) -> !offer.availability().usable())
            .thenComparingDouble(Offer::price));
    return found;
  }

  private static int blocks(FleetSpec spec, Offer offer) {
    return FleetMapper.blocks(FleetPlans.sharing(spec.configuration().blocks()), offer);
  }

  private RunUpdate diff(FleetRow current, FleetSpec next) {
    FleetSpec before =
        wishes
            .secrets(current.id())
            .map(all -> Json.lenient().readValue(all.specJson(), FleetSpec.class))
            .orElseGet(() -> Json.lenient().readValue(current.specJson(), FleetSpec.class));
    // What the server made for a backend is taken over by who applies one of the same name.
    return FleetSpecs.diff(before.withAutocreated(false), next.withAutocreated(false));
  }

  // ---- apply

  Fleet apply(ApplyFleetPlanInput plan, boolean force, ProjectAccess access) {
    check(plan.spec(), access);
    FleetSpec spec = FleetSpecs.effective(plan.spec());
    String name = spec.configuration().name();
    if (name == null) {
      return createUnnamed(spec, access);
    }
    Optional<FleetRow> current = reader.get(access.id(), name);
    if (current.isEmpty()) {
      if (plan.currentResource() != null && !force) {
        throw changed(name);
      }
      return create(spec, name, access);
    }
    return update(current.get(), spec, plan.currentResource(), force, access);
  }

  private Fleet createUnnamed(FleetSpec spec, ProjectAccess access) {
    for (int attempt = 0; ; attempt++) {
      String name = Names.random(random, taken -> reader.get(access.id(), taken).isPresent());
      try {
        return create(spec.withConfiguration(spec.configuration().withName(name)), name, access);
      } catch (ApiException e) {
        if (attempt == NAME_ATTEMPTS || reader.get(access.id(), name).isEmpty()) {
          throw e;
        }
      }
    }
  }

  private Fleet create(FleetSpec spec, String name, ProjectAccess access) {
    FleetId id = new FleetId(UUID.randomUUID());
    try {
      wishes.create(
          id,
          access.id(),
          access.caller().id(),
          name,
          json(FleetSpecs.redacted(spec)),
          secrets(spec),
          json(planOf(spec, access, null)));
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.NAME_TAKEN) {
        throw changed(name);
      }
      throw e;
    }
    dispatcher.fleetChanged();
    return shown(id);
  }

  private Fleet update(
      FleetRow current,
      FleetSpec spec,
      @Nullable Fleet basedOn,
      boolean force,
      ProjectAccess access) {
    String name = current.name();
    if (current.status() == FleetStatus.TERMINATING) {
      throw ApiException.badRequest(
          "Fleet '"
              + name
              + "' is being deleted. Apply again when it is gone, or choose another"
              + " name.");
    }
    FleetRecord record = wishes.get(current.id()).orElseThrow(() -> changed(name));
    Fleet shown = FleetMapper.wire(current);
    boolean seen =
        basedOn != null
            && basedOn.id().equals(current.id().value())
            && Json.tree(basedOn.spec()).equals(Json.tree(shown.spec()));
    if (!force && !seen) {
      throw changed(name);
    }
    switch (diff(current, spec)) {
      case RunUpdate.NeedsRestart(List<String> _, List<String> blocking) ->
          throw ApiException.badRequest(
              "Fleet '"
                  + name
                  + "' can't take over a change of "
                  + String.join(", ", blocking.stream().map(field -> "`" + field + "`").toList())
                  + ". Delete it first, or choose another name.");
      case RunUpdate.InPlace(List<String> fields) when fields.isEmpty() -> {
        return shown;
      }
      case RunUpdate.InPlace _, RunUpdate.Create _ -> {
        // Written below.
      }
    }
    dev.dstack.workflows.fleet.FleetPlan before =
        Json.lenient().readValue(record.planJson(), dev.dstack.workflows.fleet.FleetPlan.class);
    dev.dstack.workflows.fleet.FleetPlan next = planOf(spec, access, before);
    inUse.refuseMissing(current, next);
    try {
      wishes.reconfigure(
          current.id(),
          record.revision(),
          access.caller().id(),
          json(FleetSpecs.redacted(spec)),
          secrets(spec),
          json(next));
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.NOT_FOUND) {
        throw changed(name);
      }
      throw e;
    }
    dispatcher.fleetChanged();
    return shown(current.id());
  }

  private dev.dstack.workflows.fleet.FleetPlan planOf(
      FleetSpec spec, ProjectAccess access, dev.dstack.workflows.fleet.@Nullable FleetPlan before) {
    List<BackendType> available = available(access.id());
    return FleetPlans.of(spec, available, before)
        .orElseThrow(() -> ApiException.badRequest(noBackend(access.name(), available)));
  }

  private static String noBackend(String project, List<BackendType> available) {
    return available.isEmpty()
        ? "Project '"
            + project
            + "' has no backend, so no machines can be made for a fleet. Give it one in the"
            + " server's config.yml, or name hosts of your own in `ssh_config`."
        : "`backends` names none that project '"
            + project
            + "' has; it has no backend but: "
            + String.join(
                ", ",
                available.stream()
                    .map(
                        one ->
                            one.wire().equals(one.name())
                                ? one.name()
                                : one.wire() + " (" + one + ")")
                    .toList());
  }

  private List<BackendType> available(ProjectId project) {
    return backends.list(project).stream().map(StoredBackend::type).map(BackendType::new).toList();
  }

  private Fleet shown(FleetId id) {
    return reader
        .get(id)
        .map(FleetMapper::wire)
        .orElseThrow(() -> ApiException.missing("Fleet not found"));
  }

  private static String json(Object value) {
    return Json.lenient().writeValueAsString(value);
  }

  private static @Nullable String secrets(FleetSpec spec) {
    return FleetSpecs.hasSecrets(spec) ? json(spec) : null;
  }

  private static ApiException changed(String name) {
    return ApiException.exists(
        "Fleet '"
            + name
            + "' has been made, changed or deleted since this plan was made. Plan again, or apply"
            + " with force.");
  }

  private void check(FleetSpec spec, ProjectAccess access) {
    List<SpecProblem> problems = new ArrayList<>(FleetSpecs.problems(spec));
    problems.addAll(TakenHosts.problems(reader, spec, access));
    if (FleetSpecs.profile(spec).backendOptions() != null) {
      problems.add(
          new SpecProblem(
              "backend_options", "is not supported by this server version yet: take it out"));
    }
    spec.configuration()
        .env()
        .entries()
        .forEach(
            (name, value) -> {
              if (value instanceof EnvValue.FromCaller) {
                problems.add(
                    new SpecProblem(
                        "env", "has no value for " + name + "; set it and apply again"));
              }
            });
    if (!problems.isEmpty()) {
      throw ApiException.badRequest(SpecProblem.pretty(problems));
    }
    if (Json.lenient().writeValueAsBytes(spec).length > Limits.SPEC_BYTES) {
      throw ApiException.badRequest(
          "The fleet's specification is larger than " + (Limits.SPEC_BYTES >> 10) + " kB");
    }
    if (spec.configuration().sshConfig() != null) {
      requireSshRight(access);
    }
  }

  private void requireSshRight(ProjectAccess access) {
    if (!access.isAdmin() && !permissions.nonAdminsManageSshFleets()) {
      throw ApiException.forbidden("Only admins of the project manage SSH fleets here");
    }
  }

  // ---- delete

  void delete(List<String> names, ProjectAccess access) {
    List<FleetRow> found = new ArrayList<>();
    for (String name : new TreeSet<>(names)) {
      found.add(named(name, access));
    }
    for (FleetRow fleet : found) {
      checkRight(fleet, access);
      inUse.refuse(fleet);
    }
    found.forEach(fleet -> wishes.requestDelete(fleet.id(), access.caller().id()));
    dispatcher.fleetChanged();
  }

  void deleteInstances(String name, List<Integer> numbers, ProjectAccess access) {
    FleetRow fleet = named(name, access);
    checkRight(fleet, access);
    inUse.refuse(instances(fleet, numbers));
    if (!numbers.isEmpty()) {
      remove(fleet, numbers, false, access);
    }
  }

  /** A person vouches that machines are gone; without numbers, that all of the fleet are. */
  void forget(String name, List<Integer> numbers, ProjectAccess access) {
    FleetRow fleet = named(name, access);
    instances(fleet, numbers);
    if (numbers.isEmpty()) {
      wishes.requestDelete(fleet.id(), access.caller().id());
    }
    remove(fleet, numbers, true, access);
  }

  private void remove(FleetRow fleet, List<Integer> numbers, boolean forget, ProjectAccess access) {
    wishes.remove(fleet.id(), access.caller().id(), access.caller().username(), numbers, forget);
    dispatcher.fleetChanged();
  }

  private static List<InstanceRow> instances(FleetRow fleet, List<Integer> numbers) {
    List<InstanceRow> found = new ArrayList<>();
    for (Integer number : numbers) {
      List<InstanceRow> these =
          fleet.instances().stream()
              .filter(instance -> instance.view().number() == number)
              .filter(instance -> !instance.status().isFinal())
              .toList();
      if (these.isEmpty()) {
        throw ApiException.missing(
            "Fleet '" + fleet.name() + "' has no instance with number " + number);
      }
      found.addAll(these);
    }
    return found;
  }

  private FleetRow named(String name, ProjectAccess access) {
    return reader
        .get(access.id(), name)
        .orElseThrow(() -> ApiException.missing("Fleet '" + name + "' not found"));
  }

  private void checkRight(FleetRow fleet, ProjectAccess access) {
    FleetSpec spec = Json.lenient().readValue(fleet.specJson(), FleetSpec.class);
    if (spec.configuration().sshConfig() != null) {
      requireSshRight(access);
    }
  }
}
