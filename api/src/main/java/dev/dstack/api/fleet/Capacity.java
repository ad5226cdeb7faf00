package dev.dstack.api.fleet;

import dev.dstack.db.views.ClaimRow;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import java.util.ArrayList;
import java.util.List;
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
   * @param free what of it nobody has
   */
  public record Machine(InstanceRow row, Offer offer, Resources free) {}

  /** An offer as a plan shows it. */
  public record Shown(Offer offer, Availability availability, int blocks, int totalBlocks) {}

  /**
   * @param backendOffers of the fleet's backend, as last seen
   */
  public static Capacity of(FleetRow fleet, FleetPlan plan, List<Offer> backendOffers) {
    List<Machine> machines = new ArrayList<>();
    int alive = 0;
    for (InstanceRow row : fleet.instances()) {
      InstanceStatus status = row.status();
      if (status.isFinal()) {
        continue;
      }
      alive++;
      boolean usable =
          (status == InstanceStatus.IDLE || status == InstanceStatus.BUSY)
              && row.view().host() != HostState.UNREACHABLE;
      if (usable) {
        Offer offer = Json.lenient().readValue(row.view().offerJson(), Offer.class);
        machines.add(
            new Machine(row, offer, free(offer.resources(), row.claims(), plan.sharing())));
      }
    }
    Integer max = plan.nodesMax();
    boolean full = max != null && alive >= max;
    List<Offer> makes =
        full
            ? List.of()
            : backendOffers.stream()
                .filter(offer -> plan.requirements().refusal(offer).isEmpty())
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
      if (fits(wanted, machine.offer(), machine.offer().resources())) {
        boolean fits = fits(wanted, machine.offer(), machine.free());
        int total = plan.sharing() instanceof Sharing.Blocks(int blocks) ? blocks : 1;
        shown.add(
            new Shown(machine.offer(), fits ? Availability.IDLE : Availability.BUSY, 1, total));
      }
    }
    if (mayCreate) {
      for (Offer offer : makes) {
        if (fits(wanted, offer, offer.resources())) {
          shown.add(new Shown(offer, offer.availability(), 1, 1));
        }
      }
    }
    return shown;
  }

  /** By request, the upper bounds are about what the job gets, which is the least it asked for. */
  private boolean fits(Requirements wanted, Offer offer, Resources has) {
    if (!(plan.sharing() instanceof Sharing.ByRequest)) {
      return wanted.refusal(with(offer, has)).isEmpty();
    }
    Resources taken = wanted.taken(has);
    return wanted.refusal(with(offer, taken)).isEmpty()
        && taken.cpus() <= has.cpus()
        && taken.memoryMib() <= has.memoryMib()
        && taken.diskMib() <= has.diskMib();
  }

  private static Offer with(Offer offer, Resources resources) {
    return new Offer(
        offer.backend(),
        offer.instanceType(),
        offer.region(),
        resources,
        offer.price(),
        offer.availability(),
        offer.backendData());
  }

  private static Resources free(Resources has, List<ClaimRow> claims, Sharing sharing) {
    if (claims.isEmpty()) {
      return has;
    }
    if (sharing instanceof Sharing.Whole) {
      return new Resources(has.arch(), 0, 0, 0, List.of(), has.spot());
    }
    double cpus = has.cpus();
    long memory = has.memoryMib();
    long disk = has.diskMib();
    List<Gpu> gpus = new ArrayList<>(has.gpus());
    for (ClaimRow claim : claims) {
      Resources taken = Json.lenient().readValue(claim.takenJson(), Resources.class);
      cpus -= taken.cpus();
      memory -= taken.memoryMib();
      disk -= taken.diskMib();
      taken.gpus().forEach(gpus::remove);
    }
    return new Resources(
        has.arch(), Math.max(0, cpus), Math.max(0, memory), Math.max(0, disk), gpus, has.spot());
  }
}
