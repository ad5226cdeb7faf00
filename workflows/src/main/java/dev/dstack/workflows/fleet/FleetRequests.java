package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetState.Claim;
import dev.dstack.workflows.fleet.FleetState.Grant;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.fleet.FleetState.Told;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.fleet.FleetSupply.Creation;
import dev.dstack.workflows.fleet.ReserveRequest.Wanted;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.FleetView;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The queue and the claims. Between two events no waiting request fits what is free: whatever frees
 * capacity looks through the queue at once. A request that does not fit does not hold back others
 * behind it.
 */
final class FleetRequests {
  static final int MAX_GANG = 512;
  static final int MAX_QUEUE = 1_000;
  private static final int MAX_ENDED = 1_000;
  private static final Duration ENDED_KEPT = Duration.ofMinutes(15);

  static final Comparator<Waiting> QUEUE_ORDER =
      Comparator.comparingInt((Waiting waiting) -> -waiting.request().priority())
          .thenComparing(waiting -> waiting.request().submittedAt())
          .thenComparing(waiting -> waiting.request().requestId());

  private final FleetDraft fleet;
  private final FleetSupply supply;
  private final Placer placer;

  FleetRequests(FleetDraft fleet, FleetSupply supply) {
    this.fleet = fleet;
    this.supply = supply;
    this.placer = new Placer(fleet);
  }

  void reserve(ReserveRequest request) {
    String id = request.requestId();
    if (fleet.grants.containsKey(id) || fleet.ended.containsKey(id)) {
      return;
    }
    Waiting known = fleet.queue.get(id);
    if (known != null) {
      fleet.queue.put(id, known.with(request));
      return;
    }
    Optional<Refusal> never = never(request);
    if (never.isPresent()) {
      end(id);
      fleet.answer(request, new FleetAnswer.Refused(id, fleet.ref, List.of(never.get())));
      return;
    }
    fleet.queue.put(id, Waiting.first(request));
    serve(id);
  }

  /** Reasons that no waiting changes. */
  private Optional<Refusal> never(ReserveRequest request) {
    if (fleet.status != FleetStatus.ACTIVE) {
      return Optional.of(fleet.refusal("is being deleted"));
    }
    if (request.wanted().size() > MAX_GANG) {
      return Optional.of(fleet.refusal("places at most " + MAX_GANG + " nodes at once"));
    }
    if (fleet.queue.size() >= MAX_QUEUE) {
      return Optional.of(fleet.refusal(MAX_QUEUE + " requests are waiting already"));
    }
    return Optional.empty();
  }

  /** Grants, makes instances for, keeps or refuses one request; the first that is possible. */
  void serve(String requestId) {
    Waiting waiting = fleet.queue.get(requestId);
    if (waiting == null) {
      return;
    }
    Refusals busy = new Refusals();
    Map<Wanted, Integer> places = placer.place(waiting.request(), fleet.slots.keySet(), busy);
    if (places.size() == waiting.request().wanted().size()) {
      grant(waiting, places);
      return;
    }
    switch (supply.create(waiting, places.size())) {
      case Creation.Underway _ ->
          tell(requestId, Told.CREATING, Refusals.all(waiting.failed(), busy.list()));
      case Creation.FindingOffers _ -> {
        // Answered when the backend has spoken.
      }
      case Creation.Impossible(Refusal why, List<Refusal> offers) -> {
        List<Refusal> refusals = Refusals.all(List.of(why), waiting.failed(), offers, busy.list());
        Instant until = waiting.request().waitUntil();
        if (until == null || !until.isAfter(fleet.now)) {
          refuse(requestId, refusals);
        } else {
          tell(requestId, Told.QUEUED, refusals);
        }
      }
    }
  }

  private void tell(String requestId, Told what, List<Refusal> refusals) {
    Waiting waiting = fleet.queue.get(requestId);
    if (waiting != null && waiting.told() != what) {
      fleet.queue.put(requestId, waiting.told(what));
      boolean creating = what == Told.CREATING;
      fleet.answer(
          waiting.request(), new FleetAnswer.Queued(requestId, fleet.ref, refusals, creating));
    }
  }

  private void refuse(String requestId, List<Refusal> refusals) {
    Waiting waiting = fleet.queue.remove(requestId);
    if (waiting != null) {
      end(requestId);
      fleet.answer(waiting.request(), new FleetAnswer.Refused(requestId, fleet.ref, refusals));
    }
  }

  void refuseAll(String why) {
    for (String requestId : List.copyOf(fleet.queue.keySet())) {
      refuse(requestId, List.of(fleet.refusal(why)));
    }
  }

  private void grant(Waiting waiting, Map<Wanted, Integer> places) {
    ReserveRequest request = waiting.request();
    fleet.queue.remove(request.requestId());
    boolean gang = request.wanted().size() > 1;
    List<Placement> placements = new ArrayList<>();
    List<Claim> claims = new ArrayList<>();
    places.forEach(
        (wanted, serial) -> {
          Slot slot = fleet.slot(serial);
          Capacity on = fleet.capacity(serial);
          if (!(on.fit(wanted.requirements(), gang) instanceof Capacity.Fit.Fits(var share))) {
            throw new IllegalStateException("placed where it does not fit: " + wanted.jobName());
          }
          boolean wasIdle = on.idle();
          on.take(share);
          fleet.shares.put(wanted.job(), share);
          fleet.slots.put(serial, slot.idleSince(null));
          claims.add(
              new Claim(
                  wanted.job(),
                  wanted.jobName(),
                  stripped(request.run(), wanted.jobWorkflowId()),
                  serial,
                  0,
                  share.blocks(),
                  share.gpus()));
          Placement placement =
              new Placement(
                  wanted.job(),
                  fleet.id(serial),
                  fleet.name(slot),
                  slot.number(),
                  fleet.ref,
                  fleet.offer(slot),
                  share.taken(),
                  share.blocks(),
                  share.totalBlocks(),
                  slot.hostname(),
                  share.gpus(),
                  slot.internalIp());
          placements.add(placement);
          fleet.claimed.put(wanted.job(), placement);
          fleet.claimFact("Job assigned to instance", wanted.job(), wanted.jobName(), slot, on);
          if (wasIdle) {
            fleet.useChanged(slot, InstanceStatus.IDLE, InstanceStatus.BUSY);
          }
        });
    fleet.grants.put(
        request.requestId(),
        new Grant(request.requestId(), request.replyTo(), request.run(), fleet.now, claims));
    supply.unreserve(request.requestId());
    if (fleet.sweepAt == null) {
      fleet.sweepAt = fleet.now.plus(ClaimSweep.SWEEP_EVERY);
    }
    fleet.answer(
        request,
        new FleetAnswer.Granted(request.requestId(), fleet.ref, placements, waiting.failed()));
  }

  private static String stripped(RunId run, String workflow) {
    String prefix = "job:" + run + ":";
    return workflow.startsWith(prefix) ? workflow.substring(prefix.length()) : workflow;
  }

  void release(ReleaseRequest request) {
    Set<Integer> freed = new LinkedHashSet<>();
    String id = request.requestId();
    if (id == null) {
      for (Waiting waiting : List.copyOf(fleet.queue.values())) {
        if (request.means(waiting.request().run(), waiting.request().requestId())) {
          forget(waiting.request().requestId());
        }
      }
      for (Grant grant : List.copyOf(fleet.grants.values())) {
        if (request.means(grant.run(), grant.requestId())) {
          free(grant, request.jobs(), freed);
        }
      }
    } else {
      Grant grant = fleet.grants.get(id);
      if (grant != null) {
        free(grant, request.jobs(), freed);
      } else {
        forget(id);
      }
    }
    lookAgain(freed);
  }

  private void forget(String requestId) {
    fleet.queue.remove(requestId);
    supply.unreserve(requestId);
    end(requestId);
  }

  private void end(String requestId) {
    fleet.ended.values().removeIf(at -> at.plus(ENDED_KEPT).isBefore(fleet.now));
    if (fleet.ended.size() >= MAX_ENDED) {
      fleet.ended.remove(fleet.ended.keySet().iterator().next());
    }
    fleet.ended.put(requestId, fleet.now);
  }

  /**
   * @param jobs empty: all of them
   */
  void free(Grant grant, Collection<JobId> jobs, Set<Integer> freed) {
    List<Claim> kept = new ArrayList<>();
    for (Claim claim : grant.claims()) {
      if (jobs.isEmpty() || jobs.contains(claim.job())) {
        free(claim);
        freed.add(claim.serial());
      } else {
        kept.add(claim);
      }
    }
    if (kept.isEmpty()) {
      fleet.grants.remove(grant.requestId());
      end(grant.requestId());
    } else {
      fleet.grants.put(
          grant.requestId(),
          new Grant(grant.requestId(), grant.replyTo(), grant.run(), grant.at(), kept));
    }
  }

  private void free(Claim claim) {
    fleet.claimed.remove(claim.job());
    fleet.released.put(claim.job(), new FleetView.Released(claim.job(), fleet.id(claim.serial())));
    fleet.visible = true;
    Capacity.Share share = fleet.shares.remove(claim.job());
    Slot slot = fleet.slots.get(claim.serial());
    if (slot == null || share == null) {
      return;
    }
    Capacity on = fleet.capacity(claim.serial());
    on.give(share);
    fleet.claimFact("Job unassigned from instance", claim.job(), claim.jobName(), slot, on);
    if (on.idle()) {
      fleet.slots.put(
          claim.serial(), slot.state() == Slotted.READY ? slot.idleSince(fleet.now) : slot);
      if (slot.state() == Slotted.READY || slot.state() == Slotted.UNREACHABLE) {
        fleet.useChanged(slot, InstanceStatus.BUSY, InstanceStatus.IDLE);
      }
      retireChanged(slot);
    }
  }

  /** The configuration has changed while it was busy. */
  void retireChanged(Slot slot) {
    if (fleet.logic < Versions.CAPACITY
        || slot.state() != Slotted.READY
        || fleet.plan.ofHosts()
        || fleet.status != FleetStatus.ACTIVE) {
      return;
    }
    fleet
        .plan
        .requirements()
        .refusal(fleet.offer(slot))
        .ifPresent(
            why ->
                fleet.terminate(
                    slot.serial(),
                    new InstanceTermination(InstanceTerminationReason.FLEET_SPEC_MISMATCH, why)));
  }

  /** Capacity came back on these instances: who waits longest with the highest priority? */
  void lookAgain(Set<Integer> freed) {
    if (freed.isEmpty() || fleet.queue.isEmpty()) {
      return;
    }
    for (Waiting waiting : fleet.queue.values().stream().sorted(QUEUE_ORDER).toList()) {
      boolean gang = waiting.request().wanted().size() > 1;
      Set<Integer> candidates = gang ? fleet.slots.keySet() : freed;
      Map<Wanted, Integer> places = placer.place(waiting.request(), candidates, null);
      if (places.size() == waiting.request().wanted().size()) {
        grant(waiting, places);
      }
    }
  }

  /** Something changed that may concern every waiting request. */
  void lookAgain() {
    for (Waiting waiting : fleet.queue.values().stream().sorted(QUEUE_ORDER).toList()) {
      serve(waiting.request().requestId());
    }
  }

  /** Pauses that are over, and waits that have been in vain. */
  void tick() {
    for (Waiting waiting : List.copyOf(fleet.queue.values())) {
      String id = waiting.request().requestId();
      Instant until = waiting.request().waitUntil();
      Instant again = waiting.createAgainAt();
      if (again != null && !fleet.now.isBefore(again)) {
        fleet.queue.put(id, waiting.now());
        serve(id);
      }
      if (until != null && !fleet.now.isBefore(until) && fleet.queue.containsKey(id)) {
        supply.unreserve(id);
        Refusals busy = new Refusals();
        placer.place(waiting.request(), fleet.slots.keySet(), busy);
        refuse(
            id,
            Refusals.all(
                List.of(fleet.refusal("had no capacity in time")),
                waiting.failed(),
                supply.refusedOffers(waiting),
                busy.list()));
      }
    }
  }
}
