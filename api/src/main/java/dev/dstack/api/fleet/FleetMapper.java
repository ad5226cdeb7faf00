package dev.dstack.api.fleet;

import dev.dstack.api.web.Wire;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.db.views.InstanceViewRow;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.wire.fleet.Fleet;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.instance.HealthStatus;
import dev.dstack.model.wire.instance.Instance;

public final class FleetMapper {
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

  public static Instance wire(InstanceRow row, String project) {
    InstanceViewRow view = row.view();
    Offer offer = Json.lenient().readValue(view.offerJson(), Offer.class);
    return new Instance(
        view.id().value(),
        project,
        Wire.backend(offer.backend()),
        Wire.type(offer),
        view.name(),
        view.fleet().value(),
        view.fleetName(),
        view.number(),
        null,
        view.hostname(),
        row.status(),
        view.host() == HostState.UNREACHABLE,
        HealthStatus.HEALTHY,
        view.terminationReason(),
        view.terminationReasonMessage(),
        view.createdAt(),
        view.finishedAt(),
        offer.region(),
        null,
        offer.price(),
        row.totalBlocks(),
        Math.min(row.busyBlocks(), row.totalBlocks()),
        null);
  }
}
