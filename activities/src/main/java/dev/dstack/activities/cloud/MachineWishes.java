package dev.dstack.activities.cloud;

import dev.dstack.activities.host.Logins;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.MachineOptions;
import dev.dstack.backends.WithPlacementGroups;
import dev.dstack.db.records.FleetRecord;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a machine's fleet wants of it beyond its offer. */
final class MachineWishes {
  private final Logins logins;
  private final String deployment;

  MachineWishes(Logins logins, String deployment) {
    this.logins = logins;
    this.deployment = deployment;
  }

  /** Also makes what the machine needs before it, which {@link PlacementGroupNames} names again. */
  MachineOptions of(MachineOrder order, ComputeBackend backend) {
    MachineOptions plain =
        MachineOptions.NONE.withAuthorizedKeys(logins.authorizedKeys(order.projectId()));
    FleetId id = order.fleet();
    Optional<FleetRecord> fleet = id == null ? Optional.empty() : logins.fleet(id);
    if (fleet.isEmpty()) {
      return plain;
    }
    FleetSpec spec = Json.lenient().readValue(fleet.get().specJson(), FleetSpec.class);
    FleetPlan plan = Json.lenient().readValue(fleet.get().planJson(), FleetPlan.class);
    Map<String, String> tags = new LinkedHashMap<>();
    Map<String, String> wanted = spec.configuration().tags();
    if (wanted != null) {
      tags.putAll(wanted);
    }
    tags.put(MachineOptions.TAG_FLEET, fleet.get().name());
    logins
        .ownerOfFleet(fleet.get().id())
        .ifPresent(owner -> tags.put(MachineOptions.TAG_USER, owner));
    Offer offer = order.offer();
    String group = null;
    if (plan.cluster()
        && backend instanceof WithPlacementGroups groups
        && groups.suits(offer.instanceType(), offer.region())) {
      group = PlacementGroupNames.of(fleet.get().id());
      groups.ensurePlacementGroup(deployment, group, order.project(), offer.region());
    }
    return new MachineOptions(
        plain.authorizedKeys(), tags, offer.reservation(), group, List.of(), List.of(), null);
  }
}
