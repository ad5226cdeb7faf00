package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.RunId;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetState.Book;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.fleet.FleetWhy.Place;
import dev.dstack.workflows.fleet.FleetWhy.Standing;
import dev.dstack.workflows.fleet.ReserveRequest.Wanted;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a fleet serves a request as it does. Looks only, and changes nothing. */
final class Explanation {
  private Explanation() {}

  /** What this run has or waits for here. */
  static FleetWhy of(FleetInput input, FleetState state, RunId run, Instant now, int logic) {
    FleetDraft draft = new FleetDraft(input, state, now, logic);
    List<Standing> standings = new ArrayList<>();
    List<Waiting> queue = draft.queue.values().stream().sorted(FleetRequests.QUEUE_ORDER).toList();
    for (int i = 0; i < queue.size(); i++) {
      if (queue.get(i).request().run().equals(run)) {
        standings.add(waiting(draft, queue.get(i), i + 1, queue.size()));
      }
    }
    draft.grants.values().stream()
        .filter(grant -> grant.run().equals(run))
        .forEach(
            grant ->
                standings.add(
                    new Standing(
                        grant.requestId(),
                        Place.GRANTED,
                        0,
                        queue.size(),
                        null,
                        null,
                        List.of(),
                        List.of())));
    return new FleetWhy(draft.ref, draft.status, draft.live(), standings);
  }

  private static Standing waiting(FleetDraft draft, Waiting waiting, int position, int waits) {
    ReserveRequest request = waiting.request();
    List<String> creating = new ArrayList<>();
    for (Slot slot : draft.slots.values()) {
      boolean comes =
          slot.state() == Slotted.CREATING
              && (slot.forRequest() == null || request.requestId().equals(slot.forRequest()));
      if (comes && creating.size() < Refusals.MAX_LINES) {
        creating.add(draft.name(slot) + ": " + Refusals.label(draft.offer(slot)));
      }
    }
    Refusals busy = new Refusals();
    new Placer(draft).place(request, draft.slots.keySet(), busy);
    Book book = draft.book;
    List<Refusal> offers =
        book == null || !request.mayCreate()
            ? List.of()
            : refusedOffers(draft.plan, book, waiting.tried(), request);
    return new Standing(
        request.requestId(),
        creating.isEmpty() ? Place.QUEUED : Place.CREATING,
        position,
        waits,
        request.waitUntil(),
        waiting.createAgainAt(),
        creating,
        Refusals.all(limits(draft, request, book), waiting.failed(), offers, busy.list()));
  }

  private static List<Refusal> limits(
      FleetDraft draft, ReserveRequest request, @Nullable Book book) {
    List<Refusal> limits = new ArrayList<>();
    if (!request.mayCreate()) {
      limits.add(draft.refusal("may make no instances for it: the run only takes existing ones"));
    } else if (draft.plan.ofHosts()) {
      limits.add(draft.refusal("has its hosts and no others"));
    } else {
      int max = new FleetSupply(draft).max();
      if (draft.live() >= max) {
        limits.add(draft.refusal("has no room: " + draft.live() + " of " + max + " instances"));
      }
    }
    if (book != null && book.problem() != null) {
      limits.add(draft.refusal("could not get offers: " + book.problem()));
    }
    return limits;
  }

  /** Why none of the known offers will do; those that were tried have told it themselves. */
  static List<Refusal> refusedOffers(
      FleetPlan plan, Book book, List<String> tried, ReserveRequest request) {
    Refusals refusals = new Refusals();
    for (Offer offer : book.offers()) {
      if (tried.contains(FleetSupply.key(offer))) {
        continue;
      }
      Optional<String> whole = plan.sharing().refusal(offer.resources());
      if (whole.isPresent()) {
        refusals.add(offer, whole.get());
        continue;
      }
      for (Wanted wanted : request.wanted()) {
        Capacity empty = new Capacity(plan.sharing(), offer);
        if (empty.fit(wanted.requirements(), false) instanceof Capacity.Fit.No(String why)) {
          refusals.add(offer, why);
          break;
        }
      }
    }
    return Refusals.all(refusals.list(), book.refused());
  }
}
