package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetState.Book;
import dev.dstack.workflows.fleet.FleetState.Claim;
import dev.dstack.workflows.fleet.FleetState.Consolidation;
import dev.dstack.workflows.fleet.FleetState.Ended;
import dev.dstack.workflows.fleet.FleetState.Grant;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A fleet's state while it is being decided, and what comes of it; never leaves the deciders. */
final class FleetDraft {
  final FleetInput input;
  final FleetRef ref;
  final int logic;
  Instant now;

  long revision;
  FleetStatus status;
  FleetPlan plan;
  int nextSerial;
  final Map<Integer, Slot> slots = new LinkedHashMap<>();
  final Map<String, Waiting> queue = new LinkedHashMap<>();
  final Map<String, Grant> grants = new LinkedHashMap<>();
  final Map<JobId, Capacity.Share> shares = new HashMap<>();
  final Map<String, Instant> ended = new LinkedHashMap<>();
  final Set<Integer> dropped = new LinkedHashSet<>();
  @Nullable Book book;
  boolean findingOffers;
  Consolidation consolidation;
  @Nullable Instant sweepAt;

  final List<FleetCommand> commands = new ArrayList<>();
  final Map<JobId, Placement> claimed = new LinkedHashMap<>();
  final Map<JobId, FleetView.Released> released = new LinkedHashMap<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private final Map<Integer, Offer> offers = new HashMap<>();
  private final Map<Integer, Capacity> capacity = new HashMap<>();

  /** Made when the first report comes: an id costs a hash. */
  private final Map<InstanceId, Integer> serials = new HashMap<>();

  private int serialsKnown;
  boolean visible;

  FleetDraft(FleetInput input, FleetState state, Instant now, int logic) {
    this.input = input;
    this.ref = new FleetRef(input.id(), input.project(), input.name());
    this.now = now;
    this.logic = logic;
    revision = state.revision();
    status = state.status();
    plan = state.plan();
    nextSerial = state.nextSerial();
    for (Slot slot : state.instances()) {
      Offer offer = state.offers().get(slot.offer());
      slots.put(slot.serial(), slot);
      offers.put(slot.serial(), offer);
      capacity.put(slot.serial(), new Capacity(plan.sharing(slot.number()), offer));
    }
    for (Waiting waiting : state.queue()) {
      queue.put(waiting.request().requestId(), waiting);
    }
    for (Grant grant : state.grants()) {
      grants.put(grant.requestId(), grant);
      for (Claim claim : grant.claims()) {
        Capacity on = capacity.get(claim.serial());
        int total = on == null ? 1 : on.totalBlocks();
        Resources shape = state.shapes().get(claim.shape());
        Capacity.Share share =
            on != null && claim.gpus().size() < shape.gpus().size()
                // Claimed before it was said which ones.
                ? on.share(shape, claim.blocks(), total)
                : new Capacity.Share(shape, claim.blocks(), total, claim.gpus());
        shares.put(claim.job(), share);
        if (on != null) {
          on.take(share);
        }
      }
    }
    state.ended().forEach(one -> ended.put(one.requestId(), one.at()));
    book = state.book();
    consolidation = state.consolidation();
    findingOffers = state.findingOffers();
    sweepAt = state.sweepAt();
    dropped.addAll(state.dropped());
  }

  // ---- instances

  Slot slot(int serial) {
    return known(slots.get(serial));
  }

  Capacity capacity(int serial) {
    return known(capacity.get(serial));
  }

  Offer offer(Slot slot) {
    return known(offers.get(slot.serial()));
  }

  Capacity.Share share(Claim claim) {
    return known(shares.get(claim.job()));
  }

  private static <T> T known(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the fleet has lost track of an instance");
    }
    return value;
  }

  void add(Slot slot, Offer offer) {
    slots.put(slot.serial(), slot);
    measure(slot, offer);
  }

  void remove(int serial) {
    slots.remove(serial);
    capacity.remove(serial);
    offers.remove(serial);
  }

  /** The instance is of this offer now, or is divided in another way; its claims stay. */
  void measure(Slot slot, Offer offer) {
    Capacity fresh = new Capacity(plan.sharing(slot.number()), offer);
    claimsOn(slot.serial()).forEach(claim -> fresh.take(share(claim)));
    offers.put(slot.serial(), offer);
    capacity.put(slot.serial(), fresh);
  }

  private List<Claim> claimsOn(int serial) {
    return grants.values().stream()
        .flatMap(grant -> grant.claims().stream())
        .filter(claim -> claim.serial() == serial)
        .toList();
  }

  /** Those that are not on their way out. */
  int live() {
    return live(slots.values());
  }

  static int live(Iterable<Slot> slots) {
    int live = 0;
    for (Slot slot : slots) {
      live += slot.state() == Slotted.TERMINATING ? 0 : 1;
    }
    return live;
  }

  /** Those of which the minimum is made up. */
  int counted() {
    int counted = 0;
    for (Slot slot : slots.values()) {
      counted += counts(slot, offer(slot), logic) ? 1 : 0;
    }
    return counted;
  }

  static int counted(FleetState state, int logic) {
    int counted = 0;
    for (Slot slot : state.instances()) {
      counted += counts(slot, state.offers().get(slot.offer()), logic) ? 1 : 0;
    }
    return counted;
  }

  private static boolean counts(Slot slot, Offer offer, int logic) {
    return slot.state() != Slotted.TERMINATING
        && (slot.unfit() == null || !replaceable(offer, logic));
  }

  /** Whether a machine that gets no jobs is better ended than kept: nobody else would mend ours. */
  static boolean replaceable(Offer offer, int logic) {
    return logic >= Versions.RETURN
        && !offer.backend().equals(BackendType.SSH)
        && !offer.backend().equals(BackendType.LOCAL);
  }

  @Nullable Slot find(InstanceId id) {
    for (Slot slot : slots.values()) {
      if (slot.serial() >= serialsKnown) {
        serials.put(id(slot.serial()), slot.serial());
      }
    }
    serialsKnown = nextSerial;
    Integer serial = serials.get(id);
    return serial == null ? null : slots.get(serial);
  }

  InstanceId id(int serial) {
    return FleetDecider.instanceId(input, serial);
  }

  String name(int number) {
    return input.name() + "-" + number;
  }

  String name(Slot slot) {
    return name(slot.number());
  }

  void terminate(int serial, InstanceTermination termination) {
    slots.put(serial, slot(serial).in(Slotted.TERMINATING).idleSince(null));
    commands.add(new FleetCommand.TerminateInstance(id(serial), termination));
  }

  // ---- words

  Refusal refusal(String why) {
    return new Refusal("fleet " + input.name(), why);
  }

  void answer(ReserveRequest request, FleetAnswer answer) {
    commands.add(new FleetCommand.Answer(request.replyTo(), answer));
  }

  void to(FleetStatus next) {
    if (!status.canBecome(next)) {
      throw new IllegalStateException("fleet can't go from " + status + " to " + next);
    }
    facts.add(Facts.statusChanged(now, "Fleet", status, next, null, target()));
    status = next;
    visible = true;
  }

  void useChanged(Slot slot, InstanceStatus from, InstanceStatus to) {
    facts.add(Facts.statusChanged(now, "Instance", from, to, null, target(slot)));
  }

  void claimFact(String what, JobId job, String jobName, Slot slot, Capacity on) {
    boolean shared = on.totalBlocks() == 1;
    int busy = shared && !on.idle() ? 1 : on.busyBlocks();
    fact(
        what + ". Instance blocks: " + busy + "/" + on.totalBlocks() + " busy",
        Facts.job(job, jobName),
        target(slot));
  }

  void fact(String text, TimelineEvent.Target... targets) {
    facts.add(Facts.fact(now, text, targets));
    visible = true;
  }

  TimelineEvent.Target target() {
    return Facts.fleet(input.id(), input.name());
  }

  TimelineEvent.Target target(Slot slot) {
    return Facts.instance(id(slot.serial()), name(slot));
  }

  // ---- results

  @Nullable FleetView view() {
    return visible
        ? new FleetView(
            input.id(),
            input.projectId(),
            input.name(),
            revision,
            status,
            consolidation.problem(),
            input.createdAt(),
            now,
            List.copyOf(claimed.values()),
            List.copyOf(released.values()),
            facts)
        : null;
  }

  FleetState freeze() {
    Map<Offer, Integer> offerTable = new LinkedHashMap<>();
    Map<Resources, Integer> shapeTable = new LinkedHashMap<>();
    List<Slot> instances = new ArrayList<>();
    for (Slot slot : slots.values()) {
      instances.add(slot.offer(index(offerTable, offer(slot))));
    }
    List<Grant> held = new ArrayList<>();
    for (Grant grant : grants.values()) {
      List<Claim> claims = new ArrayList<>();
      for (Claim claim : grant.claims()) {
        claims.add(
            new Claim(
                claim.job(),
                claim.jobName(),
                claim.workflow(),
                claim.serial(),
                index(shapeTable, share(claim).taken()),
                claim.blocks(),
                share(claim).gpus()));
      }
      held.add(new Grant(grant.requestId(), grant.replyTo(), grant.run(), grant.at(), claims));
    }
    return new FleetState(
        revision,
        status,
        plan,
        nextSerial,
        List.copyOf(offerTable.keySet()),
        List.copyOf(shapeTable.keySet()),
        instances,
        List.copyOf(queue.values()),
        held,
        ended.entrySet().stream().map(one -> new Ended(one.getKey(), one.getValue())).toList(),
        book,
        findingOffers,
        consolidation,
        sweepAt,
        List.copyOf(dropped));
  }

  private static <T> int index(Map<T, Integer> table, T value) {
    Integer known = table.putIfAbsent(value, table.size());
    return known == null ? table.size() - 1 : known;
  }
}
