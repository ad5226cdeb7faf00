package dev.dstack.workflows.fleet;

import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.ReserveRequest.Wanted;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds instances for the nodes of a request among those that are there. Claims nothing. */
final class Placer {
  private final FleetDraft fleet;

  /** Cheapest first, then the fullest, so that empty ones may go; then the oldest. */
  private final Comparator<Slot> order;

  Placer(FleetDraft fleet) {
    this.fleet = fleet;
    order =
        Comparator.comparingDouble((Slot slot) -> fleet.offer(slot).price())
            .thenComparingDouble(slot -> -fleet.capacity(slot.serial()).usedCpus())
            .thenComparingInt(Slot::serial);
  }

  /**
   * Nodes of one request are on different instances.
   *
   * @param refusals where the reasons go; absent: nobody wants to know
   * @return as many as there are places for
   */
  Map<Wanted, Integer> place(
      ReserveRequest request, Collection<Integer> candidates, @Nullable Refusals refusals) {
    boolean gang = request.wanted().size() > 1;
    Map<Wanted, Integer> places = new LinkedHashMap<>();
    Map<Requirements, List<Slot>> fitting = new HashMap<>();
    Set<Integer> used = new HashSet<>();
    for (Wanted wanted : request.wanted()) {
      // Nodes mostly want the same, and looking through a large fleet once is enough.
      List<Slot> slots = fitting.get(wanted.requirements());
      if (slots == null) {
        slots = fitting(request, wanted, candidates, gang, refusals);
        fitting.put(wanted.requirements(), slots);
      }
      for (Slot slot : slots) {
        if (used.add(slot.serial())) {
          places.put(wanted, slot.serial());
          break;
        }
      }
    }
    return places;
  }

  private List<Slot> fitting(
      ReserveRequest request,
      Wanted wanted,
      Collection<Integer> candidates,
      boolean gang,
      @Nullable Refusals refusals) {
    List<Slot> fitting = new ArrayList<>();
    for (int serial : candidates) {
      Slot slot = fleet.slots.get(serial);
      if (slot == null) {
        continue;
      }
      Optional<String> no = unfit(slot, request, wanted, gang);
      if (no.isEmpty()) {
        fitting.add(slot);
      } else if (refusals != null) {
        refusals.add("instance", fleet.name(slot), no.get());
      }
    }
    fitting.sort(order);
    return fitting;
  }

  private Optional<String> unfit(Slot slot, ReserveRequest request, Wanted wanted, boolean gang) {
    if (!pinned(slot, request)) {
      return Optional.of("is not among the instances that the run names");
    }
    String sick = slot.unfit();
    return switch (slot.state()) {
      case CREATING -> Optional.of("is being created");
      case UNREACHABLE -> Optional.of("is unreachable");
      case TERMINATING -> Optional.of("is being terminated");
      case READY ->
          sick != null
              ? Optional.of("has failing accelerators: " + sick)
              : switch (fleet.capacity(slot.serial()).fit(wanted.requirements(), gang)) {
                case Capacity.Fit.Fits _ -> Optional.empty();
                case Capacity.Fit.No(String why) -> Optional.of(why);
              };
    };
  }

  private boolean pinned(Slot slot, ReserveRequest request) {
    return request.pins().isEmpty()
        || request.pins().stream()
            .anyMatch(
                pin ->
                    pin.matches(
                        fleet.input.name(), fleet.name(slot), slot.hostname(), slot.number()));
  }
}
