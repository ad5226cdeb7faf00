package dev.dstack.workflows.fleet;

import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.support.Versions;
import java.util.List;

/** Where the next machines of a fleet may be. */
sealed interface Site {
  record Anywhere() implements Site {}

  /**
   * Beside the machine that the cluster began with.
   *
   * @param zones empty: anywhere in the region
   */
  record Beside(BackendType backend, String region, List<String> zones) implements Site {
    public Beside {
      zones = List.copyOf(zones);
    }

    String words() {
      return backend + " in " + (zones.isEmpty() ? region : zones.getFirst());
    }
  }

  /** The first machine of a cluster is on its way; where it will be decides for the others. */
  record NotYetKnown() implements Site {}

  /** The oldest machine that is there is the master of a cluster; when it is gone, the next is. */
  static Site of(FleetDraft fleet) {
    if (!fleet.plan.cluster()) {
      return new Anywhere();
    }
    boolean creating = false;
    for (Slot slot : fleet.slots.values()) {
      switch (slot.state()) {
        case READY, UNREACHABLE -> {
          Offer master = fleet.offer(slot);
          // Several zones are those where it might have been.
          boolean known = fleet.logic >= Versions.RETURN && master.zones().size() == 1;
          return new Beside(master.backend(), master.region(), known ? master.zones() : List.of());
        }
        case CREATING -> creating = true;
        case TERMINATING -> {
          // Says nothing about those to come.
        }
      }
    }
    return creating ? new NotYetKnown() : new Anywhere();
  }

  default boolean allows(Offer offer) {
    return !(this instanceof Beside(BackendType backend, String region, List<String> zones))
        || (offer.backend().equals(backend)
            && offer.region().equals(region)
            && (zones.isEmpty()
                || offer.zones().isEmpty()
                || offer.zones().stream().anyMatch(zones::contains)));
  }

  /** The same offer where the cluster is. */
  default Offer narrowed(Offer offer) {
    return this instanceof Beside(BackendType _, String _, List<String> zones) && !zones.isEmpty()
        ? offer.inZones(zones)
        : offer;
  }
}
