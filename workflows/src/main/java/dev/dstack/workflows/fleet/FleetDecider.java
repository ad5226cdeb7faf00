package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.NamedIds;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
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
import dev.dstack.workflows.fleet.FleetState.Told;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.fleet.ReserveRequest.Wanted;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a fleet does next: state and events in, state, commands and one view out.
 *
 * <p>Events are taken one by one, and each is answered from what came before it. So when a batch is
 * decided again with more events behind it, every answer already given is given again.
 *
 * <p>Between two events no waiting request fits what is free: whatever frees capacity looks through
 * the queue at once. A request that does not fit does not hold back others behind it.
 */
final class FleetDecider {
  static final int MAX_INSTANCES = 1_000;
  static final int MAX_GANG = 512;
  static final int MAX_QUEUE = 1_000;
  static final int MAX_OFFERS_TRIED = 25;
  static final int MAX_CONSOLIDATIONS = 15;
  private static final int MAX_OFFERS_KEPT = 50;
  private static final int MAX_REFUSALS = 5;
  private static final int MAX_ENDED = 1_000;

  static final Duration OFFERS_FRESH = Duration.ofMinutes(3);
  static final Duration SWEEP_EVERY = Duration.ofMinutes(15);
  static final Duration SWEEP_AGAIN = Duration.ofMinutes(1);

  /** A claim this young is not questioned: its job may not have begun. */
  static final Duration CLAIM_AGE = Duration.ofMinutes(10);

  private static final int SWEEP_GRANTS = 50;
  private static final Duration ENDED_KEPT = Duration.ofMinutes(15);
  private static final List<Duration> BACK_OFF =
      Stream.of(1, 2, 5, 10, 30).map(Duration::ofMinutes).toList();
  private static final Comparator<Waiting> QUEUE_ORDER =
      Comparator.comparingInt((Waiting waiting) -> -waiting.request().priority())
          .thenComparing(waiting -> waiting.request().submittedAt())
          .thenComparing(waiting -> waiting.request().requestId());

  record Decision(FleetState state, List<FleetCommand> commands, @Nullable FleetView view) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final FleetInput input;
  private final FleetRef ref;
  private Instant now;

  private long revision;
  private FleetStatus status;
  private FleetPlan plan;
  private int nextSerial;
  private final Map<Integer, Slot> slots = new LinkedHashMap<>();
  private final Map<Integer, Offer> offers = new HashMap<>();
  private final Map<Integer, Capacity> capacity = new HashMap<>();
  private final Map<String, Waiting> queue = new LinkedHashMap<>();
  private final Map<String, Grant> grants = new LinkedHashMap<>();
  private final Map<JobId, Capacity.Share> shares = new HashMap<>();
  private final Map<String, Instant> ended = new LinkedHashMap<>();
  private @Nullable Book book;
  private Consolidation consolidation;
  private @Nullable Instant sweepAt;

  private final List<FleetCommand> commands = new ArrayList<>();
  private final Map<JobId, Placement> claimed = new LinkedHashMap<>();
  private final Map<JobId, FleetView.Released> released = new LinkedHashMap<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private boolean visible;
  private boolean findingOffers;

  private FleetDecider(FleetInput input, FleetState state, Instant now) {
    this.input = input;
    this.ref = new FleetRef(input.id(), input.project(), input.name());
    this.now = now;
    revision = state.revision();
    status = state.status();
    plan = state.plan();
    nextSerial = state.nextSerial();
    for (Slot slot : state.instances()) {
      slots.put(slot.serial(), slot);
      Offer offer = state.offers().get(slot.offer());
      offers.put(slot.serial(), offer);
      capacity.put(slot.serial(), new Capacity(plan.sharing(), offer));
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
  }

  static Decision decide(FleetInput input, FleetState state, List<FleetEvent> events, Instant now) {
    FleetDecider decider = new FleetDecider(input, state, now);
    for (FleetEvent event : events) {
      decider.now = event instanceof FleetEvent.Tick(Instant at) ? at : now;
      decider.revision++;
      if (!decider.status.isFinal()) {
        decider.on(event);
        decider.tend();
      }
    }
    return decider.decision();
  }

  /** Ids are made of the fleet and a serial: known before the machine is, never used twice. */
  static InstanceId instanceId(FleetInput input, int serial) {
    String name = input.id() + "#" + serial;
    return new InstanceId(NamedIds.of(name));
  }

  static @Nullable Instant deadline(FleetState state) {
    if (state.status() != FleetStatus.ACTIVE) {
      return state.sweepAt();
    }
    Stream<@Nullable Instant> waits =
        state.queue().stream()
            .flatMap(waiting -> Stream.of(waiting.request().waitUntil(), waiting.createAgainAt()));
    Duration idle = state.plan().idleDuration();
    boolean aboveMin = live(state.instances()) > state.plan().nodesMin();
    Stream<@Nullable Instant> idles =
        idle == null || !aboveMin
            ? Stream.empty()
            : state.instances().stream()
                .filter(slot -> slot.state() == Slotted.READY && slot.idleSince() != null)
                .map(slot -> slot.idleSince() == null ? null : slot.idleSince().plus(idle));
    return Stream.of(waits, idles, Stream.of(state.consolidation().nextAt(), state.sweepAt()))
        .flatMap(all -> all)
        .flatMap(Stream::ofNullable)
        .min(Comparator.naturalOrder())
        .orElse(null);
  }

  private static int live(Iterable<Slot> slots) {
    int live = 0;
    for (Slot slot : slots) {
      live += slot.state() == Slotted.TERMINATING ? 0 : 1;
    }
    return live;
  }

  private void on(FleetEvent event) {
    switch (event) {
      case FleetEvent.Begin _ -> {
        if (status == FleetStatus.SUBMITTED) {
          to(FleetStatus.ACTIVE);
        }
      }
      case FleetEvent.Reserve(ReserveRequest request) -> reserve(request);
      case FleetEvent.Release(ReleaseRequest request) -> release(request);
      case FleetEvent.Reported(InstanceReport report) -> reported(report);
      case FleetEvent.InstanceClosed(int serial) -> {
        if (slots.containsKey(serial)) {
          gone(serial);
        }
      }
      case FleetEvent.Reconfigure(FleetPlan next) -> reconfigure(next);
      case FleetEvent.Delete _ -> delete();
      case FleetEvent.OffersFound(List<Offer> found) -> {
        List<Offer> usable =
            found.stream()
                .filter(offer -> offer.availability().usable())
                .limit(MAX_OFFERS_KEPT)
                .toList();
        findingOffers = false;
        book = new Book(now, usable, null);
        lookAgain();
      }
      case FleetEvent.OffersFailed(String message) -> {
        findingOffers = false;
        book = new Book(now, List.of(), message);
        lookAgain();
      }
      case FleetEvent.OwnersClosed(List<String> workflowIds) -> ownersClosed(workflowIds);
      case FleetEvent.Tick _ -> tick();
    }
  }

  // ---- requests

  private void reserve(ReserveRequest request) {
    String id = request.requestId();
    if (grants.containsKey(id) || ended.containsKey(id)) {
      return;
    }
    Waiting known = queue.get(id);
    if (known != null) {
      queue.put(id, known.with(request));
      return;
    }
    Optional<Refusal> never = never(request);
    if (never.isPresent()) {
      end(id);
      answer(request, new FleetAnswer.Refused(id, ref, List.of(never.get())));
      return;
    }
    queue.put(id, Waiting.first(request));
    serve(id, slots.keySet());
  }

  /** Reasons that no waiting changes. */
  private Optional<Refusal> never(ReserveRequest request) {
    if (status != FleetStatus.ACTIVE) {
      return Optional.of(new Refusal("fleet " + input.name(), "is being deleted"));
    }
    if (request.wanted().size() > MAX_GANG) {
      return Optional.of(
          new Refusal("fleet " + input.name(), "places at most " + MAX_GANG + " nodes at once"));
    }
    if (queue.size() >= MAX_QUEUE) {
      return Optional.of(
          new Refusal("fleet " + input.name(), MAX_QUEUE + " requests are waiting already"));
    }
    return Optional.empty();
  }

  /** Grants, makes instances for, keeps or refuses one request; the first that is possible. */
  private void serve(String requestId, Set<Integer> candidates) {
    Waiting waiting = queue.get(requestId);
    if (waiting == null) {
      return;
    }
    List<Refusal> refusals = new ArrayList<>();
    Map<Wanted, Integer> places = place(waiting.request(), candidates, refusals);
    if (places.size() == waiting.request().wanted().size()) {
      grant(waiting.request(), places);
      return;
    }
    switch (create(waiting, places.size())) {
      case Creation.Underway _ -> tell(requestId, Told.CREATING, refusals);
      case Creation.FindingOffers _ -> {
        // Answered when the backend has spoken.
      }
      case Creation.Impossible(Refusal why) -> {
        refusals.addFirst(why);
        Instant until = waiting.request().waitUntil();
        if (until == null || !until.isAfter(now)) {
          refuse(requestId, refusals);
        } else {
          tell(requestId, Told.QUEUED, refusals);
        }
      }
    }
  }

  private void tell(String requestId, Told what, List<Refusal> refusals) {
    Waiting waiting = queue.get(requestId);
    if (waiting != null && waiting.told() != what) {
      queue.put(requestId, waiting.told(what));
      boolean creating = what == Told.CREATING;
      answer(waiting.request(), new FleetAnswer.Queued(requestId, ref, first(refusals), creating));
    }
  }

  private void refuse(String requestId, List<Refusal> refusals) {
    Waiting waiting = queue.remove(requestId);
    if (waiting != null) {
      end(requestId);
      answer(waiting.request(), new FleetAnswer.Refused(requestId, ref, first(refusals)));
    }
  }

  private static List<Refusal> first(List<Refusal> refusals) {
    return refusals.size() <= MAX_REFUSALS ? refusals : refusals.subList(0, MAX_REFUSALS);
  }

  private void answer(ReserveRequest request, FleetAnswer answer) {
    commands.add(new FleetCommand.Answer(request.replyTo(), answer));
  }

  /** Nodes of one request are on different instances. */
  private Map<Wanted, Integer> place(
      ReserveRequest request, Set<Integer> candidates, List<Refusal> refusals) {
    boolean gang = request.wanted().size() > 1;
    Map<Wanted, Integer> places = new LinkedHashMap<>();
    Set<Integer> used = new HashSet<>();
    for (Wanted wanted : request.wanted()) {
      Slot best = null;
      for (int serial : candidates) {
        Slot slot = slots.get(serial);
        if (slot == null || used.contains(serial)) {
          continue;
        }
        Optional<String> no = unfit(slot, wanted, gang);
        if (no.isPresent()) {
          if (refusals.size() < MAX_REFUSALS) {
            refusals.add(new Refusal("instance " + name(slot.number()), no.get()));
          }
        } else if (best == null || better(slot, best)) {
          best = slot;
        }
      }
      if (best != null) {
        used.add(best.serial());
        places.put(wanted, best.serial());
      }
    }
    return places;
  }

  private Optional<String> unfit(Slot slot, Wanted wanted, boolean gang) {
    return switch (slot.state()) {
      case CREATING -> Optional.of("is being created");
      case UNREACHABLE -> Optional.of("is unreachable");
      case TERMINATING -> Optional.of("is being terminated");
      case READY ->
          switch (capacity(slot.serial()).fit(wanted.requirements(), gang)) {
            case Capacity.Fit.Fits _ -> Optional.empty();
            case Capacity.Fit.No(String why) -> Optional.of(why);
          };
    };
  }

  /** Cheapest first, then the fullest, so that empty ones may go; then the oldest. */
  private boolean better(Slot slot, Slot best) {
    int byPrice = Double.compare(offer(slot).price(), offer(best).price());
    if (byPrice != 0) {
      return byPrice < 0;
    }
    int byUse =
        Double.compare(capacity(slot.serial()).usedCpus(), capacity(best.serial()).usedCpus());
    return byUse != 0 ? byUse > 0 : slot.serial() < best.serial();
  }

  private void grant(ReserveRequest request, Map<Wanted, Integer> places) {
    queue.remove(request.requestId());
    boolean gang = request.wanted().size() > 1;
    List<Placement> placements = new ArrayList<>();
    List<Claim> claims = new ArrayList<>();
    places.forEach(
        (wanted, serial) -> {
          Slot slot = slot(serial);
          Capacity on = capacity(serial);
          if (!(on.fit(wanted.requirements(), gang) instanceof Capacity.Fit.Fits(var share))) {
            throw new IllegalStateException("placed where it does not fit: " + wanted.jobName());
          }
          boolean wasIdle = on.idle();
          on.take(share);
          shares.put(wanted.job(), share);
          slots.put(serial, slot.idleSince(null));
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
                  id(serial),
                  name(slot.number()),
                  slot.number(),
                  ref,
                  offer(slot),
                  share.taken(),
                  share.blocks(),
                  share.totalBlocks(),
                  slot.hostname(),
                  share.gpus());
          placements.add(placement);
          claimed.put(wanted.job(), placement);
          claimFact("Job assigned to instance", wanted.job(), wanted.jobName(), slot, on);
          if (wasIdle) {
            useChanged(slot, InstanceStatus.IDLE, InstanceStatus.BUSY);
          }
        });
    grants.put(
        request.requestId(),
        new Grant(request.requestId(), request.replyTo(), request.run(), now, claims));
    unreserve(request.requestId());
    if (sweepAt == null) {
      sweepAt = now.plus(SWEEP_EVERY);
    }
    answer(request, new FleetAnswer.Granted(request.requestId(), ref, placements));
  }

  private void release(ReleaseRequest request) {
    Set<Integer> freed = new LinkedHashSet<>();
    String id = request.requestId();
    if (id == null) {
      for (Waiting waiting : List.copyOf(queue.values())) {
        if (waiting.request().run().equals(request.run())) {
          forget(waiting.request().requestId());
        }
      }
      for (Grant grant : List.copyOf(grants.values())) {
        if (grant.run().equals(request.run())) {
          free(grant, request.jobs(), freed);
        }
      }
    } else {
      Grant grant = grants.get(id);
      if (grant != null) {
        free(grant, request.jobs(), freed);
      } else {
        forget(id);
      }
    }
    lookAgain(freed);
  }

  private void forget(String requestId) {
    queue.remove(requestId);
    unreserve(requestId);
    end(requestId);
  }

  private void end(String requestId) {
    ended.values().removeIf(at -> at.plus(ENDED_KEPT).isBefore(now));
    if (ended.size() >= MAX_ENDED) {
      ended.remove(ended.keySet().iterator().next());
    }
    ended.put(requestId, now);
  }

  private void free(Grant grant, List<JobId> jobs, Set<Integer> freed) {
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
      grants.remove(grant.requestId());
      end(grant.requestId());
    } else {
      grants.put(
          grant.requestId(),
          new Grant(grant.requestId(), grant.replyTo(), grant.run(), grant.at(), kept));
    }
  }

  private void free(Claim claim) {
    claimed.remove(claim.job());
    released.put(claim.job(), new FleetView.Released(claim.job(), id(claim.serial())));
    visible = true;
    Capacity.Share share = shares.remove(claim.job());
    Slot slot = slots.get(claim.serial());
    if (slot == null || share == null) {
      return;
    }
    Capacity on = capacity(claim.serial());
    on.give(share);
    claimFact("Job unassigned from instance", claim.job(), claim.jobName(), slot, on);
    if (on.idle()) {
      slots.put(claim.serial(), slot.state() == Slotted.READY ? slot.idleSince(now) : slot);
      if (slot.state() == Slotted.READY || slot.state() == Slotted.UNREACHABLE) {
        useChanged(slot, InstanceStatus.BUSY, InstanceStatus.IDLE);
      }
    }
  }

  /** Capacity came back on these instances: who waits longest with the highest priority? */
  private void lookAgain(Set<Integer> freed) {
    if (freed.isEmpty() || queue.isEmpty()) {
      return;
    }
    for (Waiting waiting : queue.values().stream().sorted(QUEUE_ORDER).toList()) {
      boolean gang = waiting.request().wanted().size() > 1;
      Set<Integer> candidates = gang ? slots.keySet() : freed;
      Map<Wanted, Integer> places = place(waiting.request(), candidates, new ArrayList<>());
      if (places.size() == waiting.request().wanted().size()) {
        grant(waiting.request(), places);
      }
    }
  }

  /** Something changed that may concern every waiting request. */
  private void lookAgain() {
    for (Waiting waiting : queue.values().stream().sorted(QUEUE_ORDER).toList()) {
      serve(waiting.request().requestId(), slots.keySet());
    }
  }

  // ---- making instances

  private sealed interface Creation {
    record Underway() implements Creation {}

    record FindingOffers() implements Creation {}

    record Impossible(Refusal why) implements Creation {}
  }

  private Creation create(Waiting waiting, int placeable) {
    ReserveRequest request = waiting.request();
    if (status != FleetStatus.ACTIVE) {
      return impossible("is being deleted");
    }
    if (placeable + coming(request) >= request.wanted().size()) {
      return new Creation.Underway();
    }
    if (!request.mayCreate()) {
      return impossible(
          slots.isEmpty()
              ? "has no instances, and the run may not have new ones made"
              : "has no free instance that fits, and the run may not have new ones made");
    }
    long underway =
        slots.values().stream()
            .filter(slot -> request.requestId().equals(slot.forRequest()))
            .filter(slot -> slot.state() == Slotted.CREATING)
            .count();
    int missing = request.wanted().size() - placeable - (int) underway;
    if (missing <= 0) {
      return new Creation.Underway();
    }
    if (missing > room()) {
      return impossible("has no room: " + live(slots.values()) + " of " + max() + " instances");
    }
    if (waiting.createAgainAt() != null && now.isBefore(waiting.createAgainAt())) {
      return impossible("could not have an instance made; tries again later");
    }
    if (staleBook()) {
      findOffers();
      return new Creation.FindingOffers();
    }
    Optional<Offer> offer = pick(waiting.tried(), Optional.of(request));
    if (offer.isEmpty() || waiting.tried().size() >= MAX_OFFERS_TRIED) {
      Duration pause = BACK_OFF.get(Math.min(waiting.rounds(), BACK_OFF.size() - 1));
      Instant again = now.plus(pause);
      queue.put(
          request.requestId(),
          new Waiting(request, waiting.told(), List.of(), waiting.rounds() + 1, again));
      return impossible(noOffer(waiting.tried().size()));
    }
    for (int i = 0; i < missing; i++) {
      start(offer.get(), request.requestId(), "for run " + request.runName());
    }
    return new Creation.Underway();
  }

  /**
   * Instances on their way that nobody asked for, such as those of the minimum; worth waiting for.
   * Whoever does not get one in the end is looked at again when it is ready or has failed.
   */
  private int coming(ReserveRequest request) {
    int coming = 0;
    for (Slot slot : slots.values()) {
      boolean free = slot.state() == Slotted.CREATING && slot.forRequest() == null;
      if (free && request.wanted().stream().allMatch(wanted -> wouldFit(offer(slot), wanted))) {
        coming++;
      }
    }
    return coming;
  }

  private String noOffer(int tried) {
    if (book != null && book.problem() != null) {
      return "could not get offers: " + book.problem();
    }
    return tried == 0
        ? "no offer of backend " + plan.backend() + " fits"
        : "none of " + tried + " offers of backend " + plan.backend() + " could be had";
  }

  private Creation impossible(String why) {
    return new Creation.Impossible(new Refusal("fleet " + input.name(), why));
  }

  private boolean staleBook() {
    return book == null || book.at().plus(OFFERS_FRESH).isBefore(now);
  }

  private void findOffers() {
    if (!findingOffers) {
      findingOffers = true;
      commands.add(new FleetCommand.FindOffers());
    }
  }

  private Optional<Offer> pick(List<String> tried, Optional<ReserveRequest> request) {
    List<Offer> known = book == null ? List.of() : book.offers();
    return known.stream()
        .filter(offer -> !tried.contains(key(offer)))
        .filter(
            offer ->
                request.isEmpty()
                    || request.get().wanted().stream().allMatch(wanted -> wouldFit(offer, wanted)))
        .min(Comparator.comparingDouble(Offer::price));
  }

  private boolean wouldFit(Offer offer, Wanted wanted) {
    Capacity empty = new Capacity(plan.sharing(), offer);
    return empty.fit(wanted.requirements(), false) instanceof Capacity.Fit.Fits;
  }

  private static String key(Offer offer) {
    String market = offer.resources().spot() ? "spot" : "on-demand";
    return offer.backend() + "/" + offer.region() + "/" + offer.instanceType() + "/" + market;
  }

  private int max() {
    return plan.nodesMax() == null ? MAX_INSTANCES : Math.min(plan.nodesMax(), MAX_INSTANCES);
  }

  private int room() {
    return max() - live(slots.values());
  }

  private void start(Offer offer, @Nullable String forRequest, String why) {
    int serial = nextSerial++;
    int number = 0;
    Set<Integer> taken = new HashSet<>();
    slots.values().forEach(slot -> taken.add(slot.number()));
    while (taken.contains(number)) {
      number++;
    }
    slots.put(serial, new Slot(serial, number, 0, Slotted.CREATING, null, 0, null, forRequest));
    offers.put(serial, offer);
    capacity.put(serial, new Capacity(plan.sharing(), offer));
    commands.add(new FleetCommand.StartInstance(serial, id(serial), number, name(number), offer));
    fact(
        "Instance created " + why + ". Instance status: PENDING",
        Facts.instance(id(serial), name(number)),
        Facts.fleet(input.id(), input.name()));
  }

  /** An instance made for a request that is over is like any other. */
  private void unreserve(String requestId) {
    slots.replaceAll(
        (_, slot) ->
            requestId.equals(slot.forRequest())
                ? new Slot(
                    slot.serial(),
                    slot.number(),
                    slot.offer(),
                    slot.state(),
                    slot.hostname(),
                    slot.seq(),
                    slot.idleSince(),
                    null)
                : slot);
  }

  // ---- instances

  private void reported(InstanceReport report) {
    Slot slot =
        slots.values().stream()
            .filter(one -> id(one.serial()).equals(report.instance()))
            .findFirst()
            .orElse(null);
    if (slot == null || report.seq() <= slot.seq()) {
      return;
    }
    int serial = slot.serial();
    slots.put(serial, slot.reported(report.seq()));
    switch (report) {
      case InstanceReport.Ready ready -> ready(slot(serial), ready);
      case InstanceReport.Unreachable _ -> {
        if (slot.state() != Slotted.TERMINATING) {
          slots.put(serial, slot(serial).in(Slotted.UNREACHABLE).idleSince(null));
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
    boolean same = offer(slot).equals(ready.offer());
    if (!same) {
      offers.put(serial, ready.offer());
      Capacity fresh = new Capacity(plan.sharing(), ready.offer());
      claimsOn(serial).forEach(claim -> fresh.take(share(claim)));
      capacity.put(serial, fresh);
    }
    Slot next = slot.ready(0, ready.hostname());
    slots.put(serial, capacity(serial).idle() ? next.idleSince(now) : next.idleSince(null));
    if (status == FleetStatus.ACTIVE) {
      String forRequest = slot.forRequest();
      lookAgain(Set.of(serial));
      if (forRequest == null) {
        // Others may have waited for it without getting a part of it.
        lookAgain();
      } else if (queue.containsKey(forRequest)) {
        // Somebody before it in the queue took it, or it lacks others of its gang.
        serve(forRequest, slots.keySet());
      }
    }
  }

  private void failed(Slot slot, InstanceReport.Failed failed) {
    String tried = key(offer(slot));
    remove(slot.serial());
    String forRequest = slot.forRequest();
    Waiting waiting = forRequest == null ? null : queue.get(forRequest);
    if (waiting != null) {
      List<String> all = new ArrayList<>(waiting.tried());
      all.add(tried);
      queue.put(
          waiting.request().requestId(),
          new Waiting(
              waiting.request(), waiting.told(), all, waiting.rounds(), waiting.createAgainAt()));
      serve(waiting.request().requestId(), slots.keySet());
      return;
    }
    List<String> all = new ArrayList<>(consolidation.tried());
    all.add(tried);
    consolidation =
        new Consolidation(
            consolidation.filled(), consolidation.attempts(), consolidation.nextAt(), all);
    fact(
        "Instance could not be created: " + failed.message(),
        Facts.instance(id(slot.serial()), name(slot.number())),
        Facts.fleet(input.id(), input.name()));
    lookAgain();
  }

  /** Jobs on it find out by their own watch; their claims are given back by their runs. */
  private void gone(int serial) {
    Slot slot = slot(serial);
    remove(serial);
    String forRequest = slot.forRequest();
    if (forRequest != null && queue.containsKey(forRequest)) {
      serve(forRequest, slots.keySet());
    }
    if (status == FleetStatus.ACTIVE) {
      // A place under the maximum is free again.
      lookAgain();
    }
  }

  private void remove(int serial) {
    slots.remove(serial);
    capacity.remove(serial);
    offers.remove(serial);
  }

  private void terminate(int serial, InstanceTerminationReason reason, String why) {
    Slot slot = slot(serial);
    slots.put(serial, slot.in(Slotted.TERMINATING).idleSince(null));
    commands.add(
        new FleetCommand.TerminateInstance(id(serial), new InstanceTermination(reason, why)));
  }

  // ---- the fleet itself

  private void reconfigure(FleetPlan next) {
    plan = next;
    book = null;
    consolidation = Consolidation.initial();
    for (Slot slot : List.copyOf(slots.values())) {
      Capacity fresh = new Capacity(plan.sharing(), offer(slot));
      claimsOn(slot.serial()).forEach(claim -> fresh.take(share(claim)));
      capacity.put(slot.serial(), fresh);
      boolean free = slot.state() == Slotted.READY && fresh.idle();
      Optional<String> mismatch = plan.requirements().refusal(offer(slot));
      if (free && mismatch.isPresent()) {
        terminate(slot.serial(), InstanceTerminationReason.FLEET_SPEC_MISMATCH, mismatch.get());
      }
    }
    fact("Fleet configuration updated", Facts.fleet(input.id(), input.name()));
    lookAgain();
  }

  private void delete() {
    if (status != FleetStatus.ACTIVE) {
      return;
    }
    to(FleetStatus.TERMINATING);
    for (String requestId : List.copyOf(queue.keySet())) {
      refuse(requestId, List.of(new Refusal("fleet " + input.name(), "is being deleted")));
    }
  }

  private void tick() {
    for (Waiting waiting : List.copyOf(queue.values())) {
      Instant until = waiting.request().waitUntil();
      Instant again = waiting.createAgainAt();
      if (again != null && !now.isBefore(again)) {
        queue.put(
            waiting.request().requestId(),
            new Waiting(
                waiting.request(), waiting.told(), waiting.tried(), waiting.rounds(), null));
        serve(waiting.request().requestId(), slots.keySet());
      }
      if (until != null
          && !now.isBefore(until)
          && queue.containsKey(waiting.request().requestId())) {
        unreserve(waiting.request().requestId());
        refuse(
            waiting.request().requestId(),
            List.of(new Refusal("fleet " + input.name(), "had no capacity in time")));
      }
    }
    if (sweepAt != null && !now.isBefore(sweepAt)) {
      sweep();
    }
  }

  /** After every event: at least the minimum, no more than the maximum, nothing idle too long. */
  private void tend() {
    if (status == FleetStatus.TERMINATING) {
      for (Slot slot : List.copyOf(slots.values())) {
        if (slot.state() != Slotted.TERMINATING && capacity(slot.serial()).idle()) {
          terminate(
              slot.serial(),
              InstanceTerminationReason.TERMINATED_BY_USER,
              "its fleet is being deleted");
        }
      }
      if (slots.isEmpty() && grants.isEmpty()) {
        to(FleetStatus.TERMINATED);
      }
      return;
    }
    fill();
    List<Slot> idle =
        slots.values().stream()
            .filter(slot -> slot.state() == Slotted.READY && slot.idleSince() != null)
            .sorted(Comparator.comparingInt(slot -> -slot.serial()))
            .toList();
    for (Slot slot : idle) {
      int live = live(slots.values());
      Instant since = slot.idleSince();
      Duration allowed = plan.idleDuration();
      if (live > max()) {
        terminate(
            slot.serial(),
            InstanceTerminationReason.MAX_INSTANCES_LIMIT,
            "the fleet has at most " + max() + " instances");
      } else if (live > plan.nodesMin()
          && allowed != null
          && since != null
          && !now.isBefore(since.plus(allowed))) {
        terminate(
            slot.serial(),
            InstanceTerminationReason.IDLE_TIMEOUT,
            "idle for " + allowed.toMinutes() + " min");
      }
    }
  }

  private void fill() {
    if (consolidation.nextAt() != null && !now.isBefore(consolidation.nextAt())) {
      consolidation =
          new Consolidation(
              consolidation.filled(), consolidation.attempts(), null, consolidation.tried());
    }
    int live = live(slots.values());
    int wanted =
        consolidation.filled() ? plan.nodesMin() : Math.max(plan.nodesMin(), plan.nodesTarget());
    int missing = Math.min(wanted, max()) - live;
    if (missing <= 0) {
      boolean allThere = slots.values().stream().noneMatch(s -> s.state() == Slotted.CREATING);
      if (allThere && (!consolidation.filled() || consolidation.attempts() > 0)) {
        consolidation = new Consolidation(true, 0, null, List.of());
      }
      return;
    }
    if (consolidation.nextAt() != null || consolidation.attempts() >= MAX_CONSOLIDATIONS) {
      return;
    }
    if (staleBook()) {
      findOffers();
      return;
    }
    Optional<Offer> offer = pick(consolidation.tried(), Optional.empty());
    if (offer.isPresent() && consolidation.tried().size() < MAX_OFFERS_TRIED) {
      for (int i = 0; i < missing; i++) {
        start(offer.get(), null, "for fleet " + input.name());
      }
      return;
    }
    int attempts = consolidation.attempts() + 1;
    boolean last = attempts >= MAX_CONSOLIDATIONS;
    Duration pause = BACK_OFF.get(Math.min(attempts - 1, BACK_OFF.size() - 1));
    String why = noOffer(consolidation.tried().size());
    fact(
        last
            ? "Fleet consolidation stopped after " + attempts + " attempts: " + why
            : "Fleet has " + live + " of " + wanted + " instances: " + why,
        Facts.fleet(input.id(), input.name()));
    consolidation =
        new Consolidation(
            consolidation.filled(), attempts, last ? null : now.plus(pause), List.of());
  }

  // ---- claims whose owners are gone

  /**
   * A run gives back its claims itself. What is left was granted to a run that had ended before, or
   * whose workflow was ended by hand. A claim is taken back only when both its run and its job are
   * closed; a job left without its run is told to stop first.
   */
  private void sweep() {
    List<Grant> old =
        grants.values().stream()
            .filter(grant -> !grant.at().plus(CLAIM_AGE).isAfter(now))
            .limit(SWEEP_GRANTS)
            .toList();
    Set<String> owners = new LinkedHashSet<>();
    for (Grant grant : old) {
      owners.add(grant.replyTo());
      grant.claims().forEach(claim -> owners.add(workflow(grant, claim)));
      // To the end, so that the next sweep looks at others.
      grants.remove(grant.requestId());
      grants.put(grant.requestId(), grant);
    }
    boolean more = grants.size() > old.size() && old.size() == SWEEP_GRANTS;
    sweepAt = grants.isEmpty() ? null : now.plus(more ? SWEEP_AGAIN : SWEEP_EVERY);
    if (!owners.isEmpty()) {
      commands.add(new FleetCommand.FindClosed(List.copyOf(owners)));
    }
  }

  private void ownersClosed(List<String> workflowIds) {
    Set<String> closed = Set.copyOf(workflowIds);
    Set<Integer> freed = new LinkedHashSet<>();
    for (Grant grant : List.copyOf(grants.values())) {
      if (!closed.contains(grant.replyTo()) || grant.at().plus(CLAIM_AGE).isAfter(now)) {
        continue;
      }
      List<JobId> over = new ArrayList<>();
      for (Claim claim : grant.claims()) {
        String job = workflow(grant, claim);
        if (closed.contains(job)) {
          over.add(claim.job());
        } else {
          commands.add(new FleetCommand.StopJob(job));
        }
      }
      if (!over.isEmpty()) {
        free(grant, over, freed);
      }
    }
    lookAgain(freed);
  }

  private static String stripped(RunId run, String workflow) {
    String prefix = "job:" + run + ":";
    return workflow.startsWith(prefix) ? workflow.substring(prefix.length()) : workflow;
  }

  private static String workflow(Grant grant, Claim claim) {
    return claim.workflow().startsWith("job:")
        ? claim.workflow()
        : "job:" + grant.run() + ":" + claim.workflow();
  }

  // ---- small things

  private List<Claim> claimsOn(int serial) {
    return grants.values().stream()
        .flatMap(grant -> grant.claims().stream())
        .filter(claim -> claim.serial() == serial)
        .toList();
  }

  private Capacity.Share share(Claim claim) {
    return known(shares.get(claim.job()));
  }

  private Slot slot(int serial) {
    return known(slots.get(serial));
  }

  private Capacity capacity(int serial) {
    return known(capacity.get(serial));
  }

  private Offer offer(Slot slot) {
    return known(offers.get(slot.serial()));
  }

  private static <T> T known(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the fleet has lost track of an instance");
    }
    return value;
  }

  private InstanceId id(int serial) {
    return instanceId(input, serial);
  }

  private String name(int number) {
    return input.name() + "-" + number;
  }

  private void to(FleetStatus next) {
    if (!status.canBecome(next)) {
      throw new IllegalStateException("fleet can't go from " + status + " to " + next);
    }
    facts.add(
        Facts.statusChanged(
            now, "Fleet", status, next, null, Facts.fleet(input.id(), input.name())));
    status = next;
    visible = true;
  }

  private void useChanged(Slot slot, InstanceStatus from, InstanceStatus to) {
    facts.add(
        Facts.statusChanged(
            now,
            "Instance",
            from,
            to,
            null,
            Facts.instance(id(slot.serial()), name(slot.number()))));
  }

  private void claimFact(String what, JobId job, String jobName, Slot slot, Capacity on) {
    boolean shared = on.totalBlocks() == 1;
    int busy = shared && !on.idle() ? 1 : on.busyBlocks();
    fact(
        what + ". Instance blocks: " + busy + "/" + on.totalBlocks() + " busy",
        Facts.job(job, jobName),
        Facts.instance(id(slot.serial()), name(slot.number())));
  }

  private void fact(String text, TimelineEvent.Target... targets) {
    facts.add(Facts.fact(now, text, targets));
    visible = true;
  }

  private Decision decision() {
    FleetState state = freeze();
    if (!visible) {
      return new Decision(state, commands, null);
    }
    FleetView view =
        new FleetView(
            input.id(),
            input.projectId(),
            input.name(),
            revision,
            status,
            null,
            input.createdAt(),
            now,
            List.copyOf(claimed.values()),
            List.copyOf(released.values()),
            facts);
    return new Decision(state, commands, view);
  }

  private FleetState freeze() {
    Map<Offer, Integer> offerTable = new LinkedHashMap<>();
    Map<Resources, Integer> shapeTable = new LinkedHashMap<>();
    List<Slot> instances = new ArrayList<>();
    for (Slot slot : slots.values()) {
      int index = index(offerTable, offer(slot));
      instances.add(
          new Slot(
              slot.serial(),
              slot.number(),
              index,
              slot.state(),
              slot.hostname(),
              slot.seq(),
              slot.idleSince(),
              slot.forRequest()));
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
        sweepAt);
  }

  private static <T> int index(Map<T, Integer> table, T value) {
    Integer known = table.putIfAbsent(value, table.size());
    return known == null ? table.size() - 1 : known;
  }
}
