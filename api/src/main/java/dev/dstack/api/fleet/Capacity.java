package dev.dstack.api.fleet;

import dev.dstack.db.views.ClaimRow;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.Capacity.Fit;
import dev.dstack.workflows.fleet.Capacity.Share;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Refusals;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a fleet has and could make, by the views. A hint for plans and for the order in which fleets
 * are asked; the fleet's workflow alone decides.
 *
 * @param noContainers why none of its machines can run a container
 */
public record Capacity(
    FleetRow fleet,
    FleetPlan plan,
    List<Machine> machines,
    List<Offer> makes,
    @Nullable String noContainers) {
  public Capacity {
    machines = List.copyOf(machines);
    makes = List.copyOf(makes);
  }

  /**
   * @param use what of it is taken
   */
  public record Machine(InstanceRow row, Offer offer, dev.dstack.workflows.fleet.Capacity use) {}

  /** An offer as a plan shows it. */
  public record Shown(Offer offer, Availability availability, int blocks, int totalBlocks) {}

  /**
   * @param backendOffers of the fleet's backend, as last seen
   */
  public static Capacity of(FleetRow fleet, FleetPlan plan, List<Offer> backendOffers) {
    List<Machine> machines = new ArrayList<>();
    // A thousand machines are mostly of few offers.
    Map<String, Offer> offers = new HashMap<>();
    int alive = 0;
    for (InstanceRow row : fleet.instances()) {
      InstanceStatus status = row.status();
      if (status.isFinal()) {
        continue;
      }
      alive++;
      if (unusable(row).isEmpty()) {
        Offer offer =
            offers.computeIfAbsent(
                row.view().offerJson(), json -> Json.lenient().readValue(json, Offer.class));
        Sharing sharing = plan.sharing(row.view().number());
        machines.add(new Machine(row, offer, use(sharing, offer, row.claims())));
      }
    }
    Integer max = plan.nodesMax();
    boolean full = max != null && alive >= max;
    List<Offer> makes =
        full
            ? List.of()
            : backendOffers.stream()
                .filter(offer -> plan.requirements().refusal(offer).isEmpty())
                .filter(offer -> plan.sharing().divides(offer.resources()))
                .toList();
    return new Capacity(fleet, plan, machines, makes, noContainers(backendOffers));
  }

  /** Absent when at least one of the offers runs containers, or there is none to ask. */
  private static @Nullable String noContainers(List<Offer> offers) {
    String why = null;
    for (Offer offer : offers) {
      why = offer.noContainers();
      if (why == null) {
        return null;
      }
    }
    return why;
  }

  public FleetRef ref() {
    return new FleetRef(fleet.id(), fleet.project(), fleet.name());
  }

  /** All that satisfies the request: machines first, then what could be made. */
  public List<Shown> offers(Requirements wanted, boolean mayCreate) {
    List<Shown> shown = new ArrayList<>();
    for (Machine machine : machines) {
      empty(machine.row().view().number(), machine.offer(), wanted)
          .ifPresent(
              share ->
                  shown.add(
                      shown(
                          machine.offer(),
                          hosts(machine, wanted, false) ? Availability.IDLE : Availability.BUSY,
                          share)));
    }
    if (mayCreate) {
      for (Offer offer : makes) {
        empty(-1, offer, wanted)
            .ifPresent(share -> shown.add(shown(offer, offer.availability(), share)));
      }
    }
    return shown;
  }

  /** Why nothing that it has or could make satisfies the request. */
  public void refuse(Requirements wanted, boolean mayCreate, Refusals refusals) {
    for (Machine machine : machines) {
      InstanceRow row = machine.row();
      if (whole(row.view().number(), machine.offer(), wanted) instanceof Fit.No(String why)) {
        refusals.add("instance", name(row), why);
      }
    }
    List<InstanceRow> alive =
        fleet.instances().stream().filter(row -> !row.status().isFinal()).toList();
    alive.forEach(row -> unusable(row).ifPresent(why -> refusals.add("instance", name(row), why)));
    Integer max = plan.nodesMax();
    if (!plan.hosts().isEmpty()) {
      refusals.add("fleet", fleet.name(), "has its hosts and no others");
    } else if (!mayCreate) {
      refusals.add("fleet", fleet.name(), "may make no instances for it");
    } else if (max != null && alive.size() >= max) {
      refusals.add(
          "fleet", fleet.name(), "has no room: " + alive.size() + " of " + max + " instances");
    } else if (makes.isEmpty()) {
      refusals.add("fleet", fleet.name(), "gets no offers that satisfy its own requirements");
    } else {
      for (Offer offer : makes) {
        if (whole(-1, offer, wanted) instanceof Fit.No(String why)) {
          refusals.add(offer, why);
        }
      }
    }
  }

  private static String name(InstanceRow row) {
    return row.view().name();
  }

  /** Why an instance gets no jobs now, whatever they ask for. */
  private static Optional<String> unusable(InstanceRow row) {
    if (row.view().host() == HostState.UNREACHABLE) {
      return Optional.of("is unreachable");
    }
    if (row.health() == HostHealth.Level.FAILURE) {
      return Optional.of("its accelerators fail");
    }
    boolean ready = row.status() == InstanceStatus.IDLE || row.status() == InstanceStatus.BUSY;
    return ready ? Optional.empty() : Optional.of("is " + row.status().wire());
  }

  /**
   * How many nodes of such a run its machines could have now.
   *
   * @param wholly as a node of several each takes its machine entirely
   */
  public List<Machine> free(Requirements wanted, boolean wholly) {
    return machines.stream().filter(machine -> hosts(machine, wanted, wholly)).toList();
  }

  private static boolean hosts(Machine machine, Requirements wanted, boolean wholly) {
    return machine.use().fit(wanted, wholly) instanceof Fit.Fits;
  }

  /** What a job would have of a machine on which nothing runs. */
  private Optional<Share> empty(int number, Offer offer, Requirements wanted) {
    return whole(number, offer, wanted) instanceof Fit.Fits(Share share)
        ? Optional.of(share)
        : Optional.empty();
  }

  private Fit whole(int number, Offer offer, Requirements wanted) {
    return new dev.dstack.workflows.fleet.Capacity(plan.sharing(number), offer).fit(wanted, false);
  }

  /** Of a machine in blocks its part, with a part of the price. */
  private static Shown shown(Offer offer, Availability availability, Share share) {
    if (share.totalBlocks() == 1) {
      return new Shown(offer, availability, 1, 1);
    }
    Offer part =
        new Offer(
            offer.backend(),
            offer.instanceType(),
            offer.region(),
            share.taken(),
            offer.price() * share.blocks() / share.totalBlocks(),
            offer.availability(),
            offer.backendData());
    return new Shown(part, availability, share.blocks(), share.totalBlocks());
  }

  private static dev.dstack.workflows.fleet.Capacity use(
      Sharing sharing, Offer offer, List<ClaimRow> claims) {
    dev.dstack.workflows.fleet.Capacity use =
        new dev.dstack.workflows.fleet.Capacity(sharing, offer);
    for (ClaimRow claim : claims) {
      Resources taken = Json.lenient().readValue(claim.takenJson(), Resources.class);
      use.take(new Share(taken, claim.blocks(), claim.totalBlocks(), List.of()));
    }
    return use;
  }
}
