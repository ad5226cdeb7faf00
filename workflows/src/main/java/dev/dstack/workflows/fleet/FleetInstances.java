package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.support.Versions;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What instances say of themselves, and when they have to go. */
final class FleetInstances {
  private final FleetDraft fleet;
  private final FleetSupply supply;
  private final FleetRequests requests;

  FleetInstances(FleetDraft fleet, FleetSupply supply, FleetRequests requests) {
    this.fleet = fleet;
    this.supply = supply;
    this.requests = requests;
  }

  void reported(InstanceReport report) {
    Slot slot = fleet.find(report.instance());
    if (slot == null || report.seq() <= slot.seq()) {
      return;
    }
    int serial = slot.serial();
    fleet.slots.put(serial, slot.reported(report.seq()));
    switch (report) {
      case InstanceReport.Ready ready -> ready(fleet.slot(serial), ready);
      case InstanceReport.Unreachable _ -> {
        if (slot.state() != Slotted.TERMINATING) {
          fleet.slots.put(serial, fleet.slot(serial).in(Slotted.UNREACHABLE).idleSince(null));
        }
      }
      case InstanceReport.Failed failed -> failed(slot, failed);
      case InstanceReport.Gone _ -> gone(serial);
    }
  }

  private void ready(Slot slot, InstanceReport.Ready ready) {
    if (slot.state() == Slotted.TERMINATING) {
      return;
    }
    int serial = slot.serial();
    if (!fleet.offer(slot).equals(ready.offer())) {
      fleet.measure(slot, ready.offer());
    }
    // Only its health has changed: it goes on being idle.
    boolean health = ready.unfit() != null || slot.unfit() != null;
    boolean stayed = health && slot.state() == Slotted.READY && slot.idleSince() != null;
    Slot next = slot.ready(ready.hostname(), ready.internalIp(), ready.unfit());
    if (!fleet.capacity(serial).idle()) {
      next = next.idleSince(null);
    } else if (!stayed) {
      next = next.idleSince(fleet.now);
    }
    fleet.slots.put(serial, next);
    if (fleet.logic >= Versions.RETURN) {
      noticed(slot, next);
    }
    if (fleet.status == FleetStatus.ACTIVE) {
      String forRequest = slot.forRequest();
      requests.lookAgain(Set.of(serial));
      if (forRequest == null || fleet.plan.cluster()) {
        // Others may have waited for it without getting a part of it.
        requests.lookAgain();
      } else if (fleet.queue.containsKey(forRequest)) {
        // Somebody before it in the queue took it, or it lacks others of its gang.
        requests.serve(forRequest);
      }
    }
  }

  /** What has changed while nobody could ask, and what is said of its health. */
  private void noticed(Slot before, Slot now) {
    Offer offer = fleet.offer(now);
    String sick = now.unfit();
    if (sick != null && before.unfit() == null && FleetDraft.replaceable(offer, fleet.logic)) {
      fleet.fact(
          "Instance does not count as one of the fleet any more, its accelerators fail: " + sick,
          fleet.target(now),
          fleet.target());
    }
    if (before.state() == Slotted.UNREACHABLE && fleet.capacity(now.serial()).idle()) {
      requests.retireChanged(now);
    }
  }

  /** Nobody gets it, so it would only cost money; the next one may be well. */
  void endSick() {
    if (fleet.logic < Versions.RETURN) {
      return;
    }
    for (Slot slot : List.copyOf(fleet.slots.values())) {
      if (slot.unfit() != null
          && slot.state() == Slotted.READY
          && fleet.capacity(slot.serial()).idle()
          && FleetDraft.replaceable(fleet.offer(slot), fleet.logic)) {
        terminate(slot, InstanceTerminationReason.ERROR, "its accelerators fail: " + slot.unfit());
      }
    }
  }

  private void failed(Slot slot, InstanceReport.Failed failed) {
    String tried = FleetSupply.key(fleet.offer(slot));
    String forRequest = slot.forRequest();
    Waiting waiting = forRequest == null ? null : fleet.queue.get(forRequest);
    if (waiting != null) {
      Refusal failure = new Refusal("offer " + Refusals.label(fleet.offer(slot)), failed.message());
      fleet.remove(slot.serial());
      fleet.queue.put(waiting.request().requestId(), waiting.tried(tried, failure));
      if (fleet.plan.cluster()) {
        // Others may have waited for the first machine of the cluster.
        requests.lookAgain();
      } else {
        requests.serve(waiting.request().requestId());
      }
      return;
    }
    fleet.remove(slot.serial());
    supply.failed(slot, tried, failed.message());
    requests.lookAgain();
  }

  /** Jobs on it find out by their own watch; their claims are given back by their runs. */
  void gone(int serial) {
    Slot slot = fleet.slot(serial);
    fleet.remove(serial);
    String forRequest = slot.forRequest();
    if (forRequest != null && fleet.queue.containsKey(forRequest)) {
      requests.serve(forRequest);
    }
    if (fleet.status == FleetStatus.ACTIVE) {
      // A place under the maximum is free again.
      requests.lookAgain();
    }
  }

  private void terminate(Slot slot, InstanceTerminationReason reason, String why) {
    fleet.terminate(slot.serial(), new InstanceTermination(reason, why));
  }

  /** The fleet has another plan: what is free and does not fit it goes now, the rest when free. */
  void changed() {
    for (Slot slot : List.copyOf(fleet.slots.values())) {
      fleet.measure(slot, fleet.offer(slot));
      // One that is still being made has nothing to lose.
      boolean free =
          slot.state() == Slotted.READY
              || (slot.state() == Slotted.CREATING && fleet.logic >= Versions.RETURN);
      if (free && fleet.capacity(slot.serial()).idle() && !fleet.plan.ofHosts()) {
        fleet
            .plan
            .requirements()
            .refusal(fleet.offer(slot))
            .ifPresent(why -> terminate(slot, InstanceTerminationReason.FLEET_SPEC_MISMATCH, why));
      }
    }
  }

  /** A person names what has to go; what a job has only goes when it is said to be gone already. */
  void remove(InstanceRemoval removal) {
    for (Slot slot : List.copyOf(fleet.slots.values())) {
      if (!removal.numbers().isEmpty() && !removal.numbers().contains(slot.number())) {
        continue;
      }
      if (removal.forget()) {
        fleet.terminate(
            slot.serial(),
            new InstanceTermination(
                InstanceTerminationReason.TERMINATED_BY_USER,
                removal.by() + " says that the machine is gone",
                true));
      } else if (slot.state() == Slotted.TERMINATING) {
        continue;
      } else if (!fleet.capacity(slot.serial()).idle()) {
        fleet.fact(
            "Instance is not deleted, as " + removal.by() + " wanted: a job has it",
            fleet.target(slot),
            fleet.target());
        continue;
      } else {
        terminate(slot, InstanceTerminationReason.TERMINATED_BY_USER, "deleted by " + removal.by());
      }
      if (fleet.plan.ofHosts()) {
        fleet.dropped.add(slot.number());
      }
    }
  }

  /** Nothing of a fleet that is being deleted stays longer than its jobs. */
  void endAll() {
    for (Slot slot : List.copyOf(fleet.slots.values())) {
      if (slot.state() != Slotted.TERMINATING && fleet.capacity(slot.serial()).idle()) {
        terminate(slot, InstanceTerminationReason.TERMINATED_BY_USER, "its fleet is being deleted");
      }
    }
  }

  /** No more than the maximum, nothing idle too long. */
  void trim() {
    if (fleet.plan.ofHosts()) {
      trimHosts();
      return;
    }
    int max = supply.max();
    int live = fleet.live();
    int counted = fleet.counted();
    if (live <= max && (counted <= fleet.plan.nodesMin() || !anyOverdue())) {
      return;
    }
    List<Slot> idle =
        fleet.slots.values().stream()
            .filter(slot -> slot.state() == Slotted.READY && slot.idleSince() != null)
            .sorted(Comparator.comparingInt(slot -> -slot.serial()))
            .toList();
    for (Slot slot : idle) {
      Duration allowed = allowed(fleet.plan, slot);
      if (live > max) {
        terminate(
            slot,
            InstanceTerminationReason.MAX_INSTANCES_LIMIT,
            "the fleet has at most " + max + " instances");
        live--;
        counted--;
      } else if (counted > fleet.plan.nodesMin() && allowed != null && overdue(slot)) {
        terminate(
            slot,
            InstanceTerminationReason.IDLE_TIMEOUT,
            "idle for " + allowed.toMinutes() + " min");
        live--;
        counted--;
      }
    }
  }

  private boolean anyOverdue() {
    for (Slot slot : fleet.slots.values()) {
      if (overdue(slot)) {
        return true;
      }
    }
    return false;
  }

  private boolean overdue(Slot slot) {
    Instant at = idleEnd(fleet.plan, slot);
    return at != null && !fleet.now.isBefore(at);
  }

  /** When the instance has been idle for too long; absent: never, or it is not idle. */
  static @Nullable Instant idleEnd(FleetPlan plan, Slot slot) {
    Duration allowed = allowed(plan, slot);
    Instant since = slot.idleSince();
    return slot.state() != Slotted.READY || since == null || allowed == null
        ? null
        : since.plus(allowed);
  }

  /** The shorter of what the fleet says and what the run said that it was made for. */
  private static @Nullable Duration allowed(FleetPlan plan, Slot slot) {
    Duration own = slot.idle();
    Duration ofFleet = plan.idleDuration();
    if (own == null || ofFleet == null) {
      return own == null ? ofFleet : own;
    }
    return own.compareTo(ofFleet) < 0 ? own : ofFleet;
  }

  /** The fleet's configuration does not name the host any more. */
  private void trimHosts() {
    for (Slot slot : List.copyOf(fleet.slots.values())) {
      boolean named = fleet.plan.host(slot.number()).isPresent();
      if (!named && slot.state() != Slotted.TERMINATING && fleet.capacity(slot.serial()).idle()) {
        terminate(
            slot,
            InstanceTerminationReason.TERMINATED_BY_USER,
            "the fleet's configuration does not name it any more");
      }
    }
  }
}
