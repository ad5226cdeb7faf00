package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetState.Book;
import dev.dstack.workflows.fleet.FleetState.Consolidation;
import dev.dstack.workflows.fleet.FleetState.Slot;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.fleet.FleetState.Waiting;
import dev.dstack.workflows.fleet.ReserveRequest.Wanted;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.OfferSearch;
import dev.dstack.workflows.support.Versions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Has instances made, for requests and for the fleet's own size. */
final class FleetSupply {
  static final int MAX_INSTANCES = 1_000;
  static final int MAX_OFFERS_TRIED = 25;
  static final int MAX_CONSOLIDATIONS = 15;
  private static final int MAX_OFFERS_KEPT = 50;

  static final Duration OFFERS_FRESH = Duration.ofMinutes(3);
  private static final List<Duration> BACK_OFF =
      Stream.of(1, 2, 5, 10, 30).map(Duration::ofMinutes).toList();

  /** In the placeholder's data: the number of the host. */
  private static final String HOST = "host";

  sealed interface Creation {
    record Underway() implements Creation {}

    record FindingOffers() implements Creation {}

    /**
     * @param offers why none of them could be had
     */
    record Impossible(Refusal why, List<Refusal> offers) implements Creation {}
  }

  private final FleetDraft fleet;

  FleetSupply(FleetDraft fleet) {
    this.fleet = fleet;
  }

  // ---- offers

  void found(@Nullable OfferSearch search, FoundOffers found) {
    List<Offer> usable = new ArrayList<>();
    Refusals refusals = new Refusals();
    for (Offer offer : found.offers()) {
      if (!offer.availability().usable()) {
        refusals.add(offer, "is " + offer.availability().wire().replace('_', ' '));
      } else if (usable.size() < MAX_OFFERS_KEPT) {
        usable.add(offer);
      }
    }
    List<Refusal> refused = new ArrayList<>(refusals.list());
    refused.addAll(found.refused());
    fleet.findingOffers = false;
    fleet.book = new Book(fleet.now, usable, null, search, refused);
  }

  void notFound(@Nullable OfferSearch search, String message) {
    fleet.findingOffers = false;
    fleet.book = new Book(fleet.now, List.of(), message, search, List.of());
  }

  /** Absent for backends whose few offers are known all at once. */
  private @Nullable OfferSearch search(@Nullable ReserveRequest request, Site site) {
    boolean few =
        few(fleet.plan.backend()) && fleet.plan.otherBackends().stream().allMatch(FleetSupply::few);
    if (few) {
      return null;
    }
    return new OfferSearch(
        fleet.plan.requirements(),
        request == null ? null : request.wanted().getFirst().requirements(),
        site instanceof Site.Beside beside ? beside.backend() : null,
        site instanceof Site.Beside beside ? beside.region() : null);
  }

  private static boolean few(BackendType backend) {
    return backend.equals(BackendType.LOCAL) || backend.equals(BackendType.SCRIPTED);
  }

  private boolean stale(@Nullable OfferSearch search) {
    Book book = fleet.book;
    return book == null
        || book.at().plus(OFFERS_FRESH).isBefore(fleet.now)
        || (search != null && !search.equals(book.search()));
  }

  private void find(@Nullable OfferSearch search) {
    if (!fleet.findingOffers) {
      fleet.findingOffers = true;
      fleet.commands.add(new FleetCommand.FindOffers(search));
    }
  }

  private Optional<Offer> pick(List<String> tried, @Nullable ReserveRequest request, Site site) {
    List<Offer> known = fleet.book == null ? List.of() : fleet.book.offers();
    return known.stream()
        .filter(offer -> !tried.contains(key(offer)))
        .filter(site::allows)
        .filter(this::divides)
        .filter(
            offer ->
                request == null
                    || request.wanted().stream().allMatch(wanted -> wouldFit(offer, wanted)))
        .min(Comparator.comparingDouble(Offer::price));
  }

  /** Halves of a processor are of no use to anybody. */
  private boolean divides(Offer offer) {
    return fleet.logic < Versions.RETURN || fleet.plan.sharing().divides(offer.resources());
  }

  private boolean wouldFit(Offer offer, Wanted wanted) {
    Capacity empty = new Capacity(fleet.plan.sharing(), offer);
    return empty.fit(wanted.requirements(), false) instanceof Capacity.Fit.Fits;
  }

  static String key(Offer offer) {
    String market = offer.resources().spot() ? "spot" : "on-demand";
    return offer.backend() + "/" + offer.region() + "/" + offer.instanceType() + "/" + market;
  }

  // ---- for a request

  Creation create(Waiting waiting, int placeable) {
    ReserveRequest request = waiting.request();
    if (fleet.status != FleetStatus.ACTIVE) {
      return impossible("is being deleted");
    }
    if (placeable + coming(request) >= request.wanted().size()) {
      return new Creation.Underway();
    }
    if (fleet.plan.ofHosts()) {
      return impossible("has no free host that fits");
    }
    if (!request.mayCreate()) {
      return impossible(
          fleet.slots.isEmpty()
              ? "has no instances, and the run may not have new ones made"
              : "has no free instance that fits, and the run may not have new ones made");
    }
    long underway =
        fleet.slots.values().stream()
            .filter(slot -> request.requestId().equals(slot.forRequest()))
            .filter(slot -> slot.state() == Slotted.CREATING)
            .count();
    int missing = request.wanted().size() - placeable - (int) underway;
    if (missing <= 0) {
      return new Creation.Underway();
    }
    if (missing > room()) {
      return impossible("has no room: " + fleet.live() + " of " + max() + " instances");
    }
    if (waiting.createAgainAt() != null && fleet.now.isBefore(waiting.createAgainAt())) {
      return impossible("could not have an instance made; tries again later");
    }
    Site site = Site.of(fleet);
    if (site instanceof Site.NotYetKnown) {
      return new Creation.Underway();
    }
    OfferSearch search = search(request, site);
    if (stale(search)) {
      find(search);
      return new Creation.FindingOffers();
    }
    Optional<Offer> offer = pick(waiting.tried(), request, site);
    if (offer.isEmpty() || waiting.tried().size() >= MAX_OFFERS_TRIED) {
      Duration pause = BACK_OFF.get(Math.min(waiting.rounds(), BACK_OFF.size() - 1));
      fleet.queue.put(
          request.requestId(), waiting.again(waiting.rounds() + 1, fleet.now.plus(pause)));
      return new Creation.Impossible(
          fleet.refusal(noOffer(waiting.tried().size(), site)), refusedOffers(waiting));
    }
    Duration asked = request.idleDuration();
    Duration idle = asked == null || asked.isNegative() ? null : asked;
    int count = atOnce(missing);
    for (int i = 0; i < count; i++) {
      start(
          site.narrowed(offer.get()),
          freeNumber(),
          request.requestId(),
          idle,
          "for run " + request.runName());
    }
    return new Creation.Underway();
  }

  /**
   * Instances on their way that nobody asked for, such as those of the minimum; worth waiting for.
   * Whoever does not get one in the end is looked at again when it is ready or has failed. What a
   * host has is known when it has been reached.
   */
  private int coming(ReserveRequest request) {
    int coming = 0;
    for (Slot slot : fleet.slots.values()) {
      boolean free = slot.state() == Slotted.CREATING && slot.forRequest() == null;
      if (free
          && request.pins().isEmpty()
          && (fleet.plan.ofHosts()
              || request.wanted().stream()
                  .allMatch(wanted -> wouldFit(fleet.offer(slot), wanted)))) {
        coming++;
      }
    }
    return coming;
  }

  /** The first machine of a cluster is made alone. */
  private int atOnce(int missing) {
    return fleet.plan.cluster() && fleet.live() == 0 ? 1 : missing;
  }

  private String noOffer(int tried, Site site) {
    if (fleet.book != null && fleet.book.problem() != null) {
      return "could not get offers: " + fleet.book.problem();
    }
    String backends = fleet.plan.backend().toString();
    for (BackendType other : fleet.plan.otherBackends()) {
      backends += ", " + other;
    }
    String where =
        site instanceof Site.Beside beside ? beside.words() + ", where the cluster is," : backends;
    List<Offer> known = fleet.book == null ? List.of() : fleet.book.offers();
    if (tried == 0 && !known.isEmpty() && known.stream().noneMatch(this::divides)) {
      return "no offer of backend "
          + where
          + " "
          + fleet.plan.sharing().refusal(known.getFirst().resources()).orElse("fits");
    }
    return tried == 0
        ? "no offer of backend " + where + " fits"
        : "none of " + tried + " offers of backend " + where + " could be had";
  }

  private Creation impossible(String why) {
    return new Creation.Impossible(fleet.refusal(why), List.of());
  }

  /** Why none of the known offers is for this request; those that were tried tell it themselves. */
  List<Refusal> refusedOffers(Waiting waiting) {
    return fleet.book == null || !waiting.request().mayCreate()
        ? List.of()
        : Explanation.refusedOffers(fleet.plan, fleet.book, waiting.tried(), waiting.request());
  }

  int max() {
    if (fleet.plan.ofHosts()) {
      return fleet.plan.hosts().size();
    }
    Integer max = fleet.plan.nodesMax();
    return max == null ? MAX_INSTANCES : Math.min(max, MAX_INSTANCES);
  }

  private int room() {
    return max() - fleet.live();
  }

  private void start(
      Offer offer, int number, @Nullable String forRequest, @Nullable Duration idle, String why) {
    int serial = fleet.nextSerial++;
    Slot slot =
        new Slot(serial, number, 0, Slotted.CREATING, null, 0, null, forRequest, null, idle, null);
    fleet.add(slot, offer);
    fleet.commands.add(
        new FleetCommand.StartInstance(
            serial, fleet.id(serial), number, fleet.name(number), offer));
    fleet.fact(
        "Instance created " + why + ". Instance status: PENDING",
        fleet.target(slot),
        fleet.target());
  }

  private int freeNumber() {
    Set<Integer> taken = new HashSet<>();
    fleet.slots.values().forEach(slot -> taken.add(slot.number()));
    int number = 0;
    while (taken.contains(number)) {
      number++;
    }
    return number;
  }

  /** An instance made for a request that is over is like any other. */
  void unreserve(String requestId) {
    fleet.slots.replaceAll(
        (_, slot) -> requestId.equals(slot.forRequest()) ? slot.forNobody() : slot);
  }

  // ---- for the fleet itself

  /** At least the minimum, and once the target. */
  void fill() {
    Instant nextAt = fleet.consolidation.nextAt();
    if (nextAt != null && !fleet.now.isBefore(nextAt)) {
      fleet.consolidation = fleet.consolidation.again();
    }
    if (fleet.plan.ofHosts()) {
      fillHosts();
      return;
    }
    int there = fleet.counted();
    int wanted =
        fleet.consolidation.filled()
            ? fleet.plan.nodesMin()
            : Math.max(fleet.plan.nodesMin(), fleet.plan.nodesTarget());
    int missing = Math.min(wanted - there, room());
    if (missing <= 0) {
      complete();
      return;
    }
    if (!mayTry()) {
      return;
    }
    Site site = Site.of(fleet);
    if (site instanceof Site.NotYetKnown) {
      return;
    }
    OfferSearch search = search(null, site);
    if (stale(search)) {
      find(search);
      return;
    }
    Optional<Offer> offer = pick(fleet.consolidation.tried(), null, site);
    if (offer.isPresent() && fleet.consolidation.tried().size() < MAX_OFFERS_TRIED) {
      fleet.consolidation = fleet.consolidation.started();
      int count = atOnce(missing);
      for (int i = 0; i < count; i++) {
        start(
            site.narrowed(offer.get()),
            freeNumber(),
            null,
            null,
            "for fleet " + fleet.input.name());
      }
      return;
    }
    String why = noOffer(fleet.consolidation.tried().size(), site);
    pause(why, "Fleet has " + there + " of " + wanted + " instances: " + why);
  }

  private boolean mayTry() {
    return fleet.consolidation.nextAt() == null
        && fleet.consolidation.attempts() < MAX_CONSOLIDATIONS;
  }

  private void complete() {
    boolean allThere =
        fleet.slots.values().stream().noneMatch(slot -> slot.state() == Slotted.CREATING);
    if (allThere && (!fleet.consolidation.filled() || fleet.consolidation.attempts() > 0)) {
      fleet.consolidation = Consolidation.reached();
    }
  }

  private void pause(String why, String words) {
    int attempts = fleet.consolidation.attempts() + 1;
    boolean last = attempts >= MAX_CONSOLIDATIONS;
    Duration pause = BACK_OFF.get(Math.min(attempts - 1, BACK_OFF.size() - 1));
    fleet.fact(
        last ? "Fleet consolidation stopped after " + attempts + " attempts: " + why : words,
        fleet.target());
    fleet.consolidation =
        fleet.consolidation.failed(attempts, last ? null : fleet.now.plus(pause), why);
  }

  /** Each host has one instance, unless a person has taken it out. */
  private void fillHosts() {
    Set<Integer> there = new HashSet<>();
    fleet.slots.values().forEach(slot -> there.add(slot.number()));
    List<FleetPlan.Host> missing =
        fleet.plan.hosts().stream()
            .filter(host -> !there.contains(host.number()))
            .filter(host -> !fleet.dropped.contains(host.number()))
            .toList();
    if (missing.isEmpty()) {
      complete();
    } else if (mayTry()) {
      fleet.consolidation = fleet.consolidation.started();
      for (FleetPlan.Host host : missing) {
        start(placeholder(host), host.number(), null, null, "for host " + host.hostname());
      }
    }
  }

  /** What it really is comes with its first report. */
  private static Offer placeholder(FleetPlan.Host host) {
    return new Offer(
        BackendType.SSH,
        "ssh",
        "remote",
        new Resources(CpuArch.X86, 0, 0, 0, List.of(), false),
        0,
        Availability.AVAILABLE,
        Map.of(HOST, Integer.toString(host.number())));
  }

  /** An instance that nobody waits for could not be made. */
  void failed(Slot slot, String tried, String message) {
    fleet.fact("Instance could not be created: " + message, fleet.target(slot), fleet.target());
    if (fleet.plan.ofHosts()) {
      String why =
          fleet.plan.host(slot.number()).map(FleetPlan.Host::hostname).orElse("host")
              + ": "
              + message;
      if (fleet.consolidation.nextAt() == null) {
        pause(why, "Fleet lacks a host and tries again: " + why);
      } else {
        fleet.consolidation = fleet.consolidation.alsoFailed(why);
      }
      return;
    }
    fleet.consolidation =
        fleet.consolidation.tried(
            Stream.concat(fleet.consolidation.tried().stream(), Stream.of(tried)).toList());
  }
}
