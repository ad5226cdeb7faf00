package dev.dstack.api.fleet;

import dev.dstack.api.web.Wire;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.db.views.InstanceViewRow;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.wire.fleet.Fleet;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.instance.HealthStatus;
import dev.dstack.model.wire.instance.Instance;
import dev.dstack.workflows.fleet.FleetPlan;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

public final class FleetMapper {
  private static final int PLANS_KEPT = 500;
  private static final Map<String, FleetPlan> PLANS = new ConcurrentHashMap<>();

  private FleetMapper() {}

  public static Fleet wire(FleetRow row) {
    return new Fleet(
        row.id().value(),
        row.name(),
        row.project(),
        Json.lenient().readValue(row.specJson(), FleetSpec.class),
        row.createdAt(),
        row.status(),
        row.view() == null ? null : row.view().statusMessage(),
        row.instances().stream()
            .filter(instance -> instance.status() != InstanceStatus.TERMINATED)
            .map(instance -> wire(instance, row.project()))
            .toList());
  }

  public static HealthStatus health(HostHealth.Level level) {
    return switch (level) {
      case HEALTHY -> HealthStatus.HEALTHY;
      case WARNING -> HealthStatus.WARNING;
      case FAILURE -> HealthStatus.FAILURE;
    };
  }

  static int blocks(Sharing sharing, Offer offer) {
    return sharing.of(offer.resources()) instanceof Sharing.Blocks(int total) ? total : 1;
  }

  /** A host that has not been reached yet: nobody knows what it has. */
  private static boolean unknown(Offer offer) {
    return offer.backend().equals(BackendType.SSH) && offer.resources().cpus() == 0;
  }

  private static int blocks(InstanceRow row, Offer offer) {
    String plan = row.fleetPlanJson();
    return plan == null
        ? row.totalBlocks()
        : blocks(plan(plan).sharing(row.view().number()), offer);
  }

  /** A list names few plans many times. */
  private static FleetPlan plan(String json) {
    if (PLANS.size() > PLANS_KEPT) {
      PLANS.clear();
    }
    return PLANS.computeIfAbsent(json, text -> Json.lenient().readValue(text, FleetPlan.class));
  }

  public static Instance wire(InstanceRow row, String project) {
    InstanceViewRow view = row.view();
    Offer offer = Json.lenient().readValue(view.offerJson(), Offer.class);
    int blocks = blocks(row, offer);
    return new Instance(
        view.id().value(),
        project,
        Wire.backend(offer.backend()),
        unknown(offer) ? null : Wire.type(offer),
        view.name(),
        view.fleet().value(),
        view.fleetName(),
        view.number(),
        null,
        view.hostname(),
        row.status(),
        view.host() == HostState.UNREACHABLE,
        health(row.health()),
        view.terminationReason(),
        view.terminationReasonMessage(),
        view.createdAt(),
        view.finishedAt(),
        offer.region(),
        offer.zone(),
        offer.price(),
        blocks,
        Math.min(row.busyBlocks(), blocks),
        Wire.gpuDriver(offer));
  }
}
