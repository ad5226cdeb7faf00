package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.instance.OfferSearch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that a fleet remembers; its argument when it continues as new. Kept small: a thousand
 * instances with a claim each must stay below 400 kB, so what repeats stands in a table.
 *
 * @param revision events handled so far, which is also the revision of the view
 * @param nextSerial serial of the next instance; ids are made of it, numbers are used again
 * @param offers table of what instances are made of
 * @param shapes table of what claims take
 * @param ended requests that are over, so that a late copy does not claim anything
 * @param book what the backend offered last
 * @param sweepAt when the owners of old claims are looked for
 * @param dropped numbers of hosts that were taken out by hand; they come back with the next update
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record FleetState(
    long revision,
    FleetStatus status,
    FleetPlan plan,
    int nextSerial,
    List<Offer> offers,
    List<Resources> shapes,
    List<Slot> instances,
    List<Waiting> queue,
    List<Grant> grants,
    List<Ended> ended,
    @Nullable Book book,
    boolean findingOffers,
    Consolidation consolidation,
    @Nullable Instant sweepAt,
    List<Integer> dropped) {
  public FleetState {
    dropped = copy(dropped);
    offers = copy(offers);
    shapes = copy(shapes);
    instances = copy(instances);
    queue = copy(queue);
    grants = copy(grants);
    ended = copy(ended);
  }

  /** Without hosts that were taken out. */
  public FleetState(
      long revision,
      FleetStatus status,
      FleetPlan plan,
      int nextSerial,
      List<Offer> offers,
      List<Resources> shapes,
      List<Slot> instances,
      List<Waiting> queue,
      List<Grant> grants,
      List<Ended> ended,
      @Nullable Book book,
      boolean findingOffers,
      Consolidation consolidation,
      @Nullable Instant sweepAt) {
    this(
        revision,
        status,
        plan,
        nextSerial,
        offers,
        shapes,
        instances,
        queue,
        grants,
        ended,
        book,
        findingOffers,
        consolidation,
        sweepAt,
        List.of());
  }

  /** An instance as the fleet sees it. */
  public enum Slotted {
    CREATING,
    READY,
    /** Its agent is silent: what runs there may go on, nothing new starts. */
    UNREACHABLE,
    TERMINATING
  }

  /** What a waiting request has been told. */
  public enum Told {
    NOTHING,
    QUEUED,
    CREATING
  }

  /**
   * @param offer index into {@link FleetState#offers}
   * @param seq the last report seen
   * @param idleSince absent while it has claims or is not ready
   * @param forRequest the request it is being made for
   * @param idle how long it may be idle if less than the fleet allows, as the run said that it was
   *     made for
   * @param unfit why it gets no new jobs although it answers; absent: it may
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Slot(
      int serial,
      int number,
      int offer,
      Slotted state,
      @Nullable String hostname,
      long seq,
      @Nullable Instant idleSince,
      @Nullable String forRequest,
      @Nullable String internalIp,
      @Nullable Duration idle,
      @Nullable String unfit) {
    public Slot(
        int serial,
        int number,
        int offer,
        Slotted state,
        @Nullable String hostname,
        long seq,
        @Nullable Instant idleSince,
        @Nullable String forRequest) {
      this(serial, number, offer, state, hostname, seq, idleSince, forRequest, null, null, null);
    }

    Slot in(Slotted next) {
      return with(next, offer, seq, idleSince, forRequest);
    }

    Slot idleSince(@Nullable Instant since) {
      return with(state, offer, seq, since, forRequest);
    }

    Slot reported(long nextSeq) {
      return with(state, offer, nextSeq, idleSince, forRequest);
    }

    Slot ready(
        @Nullable String nextHostname,
        @Nullable String nextInternalIp,
        @Nullable String nextUnfit) {
      return new Slot(
          serial,
          number,
          offer,
          Slotted.READY,
          nextHostname,
          seq,
          idleSince,
          null,
          nextInternalIp,
          idle,
          nextUnfit);
    }

    Slot offer(int index) {
      return with(state, index, seq, idleSince, forRequest);
    }

    Slot forNobody() {
      return with(state, offer, seq, idleSince, null);
    }

    private Slot with(
        Slotted nextState,
        int nextOffer,
        long nextSeq,
        @Nullable Instant nextIdleSince,
        @Nullable String nextForRequest) {
      return new Slot(
          serial,
          number,
          nextOffer,
          nextState,
          hostname,
          nextSeq,
          nextIdleSince,
          nextForRequest,
          internalIp,
          idle,
          unfit);
    }
  }

  /**
   * @param tried offers that could not be had for it
   * @param createAgainAt when offers are tried again after all of them failed
   * @param failed why offers could not be had for it, in any round
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record Waiting(
      ReserveRequest request,
      Told told,
      List<String> tried,
      int rounds,
      @Nullable Instant createAgainAt,
      List<Refusal> failed) {
    private static final int MAX_FAILED = 15;

    public Waiting {
      tried = copy(tried);
      failed = copy(failed);
    }

    static Waiting first(ReserveRequest request) {
      return new Waiting(request, Told.NOTHING, List.of(), 0, null, List.of());
    }

    Waiting with(ReserveRequest next) {
      return new Waiting(next, told, tried, rounds, createAgainAt, failed);
    }

    Waiting told(Told next) {
      return new Waiting(request, next, tried, rounds, createAgainAt, failed);
    }

    /** One more offer could not be had; the last failures are kept. */
    Waiting tried(String offer, Refusal failure) {
      List<String> all = new ArrayList<>(tried);
      all.add(offer);
      List<Refusal> latest = new ArrayList<>(failed);
      latest.remove(failure);
      latest.add(failure);
      int from = Math.max(0, latest.size() - MAX_FAILED);
      return new Waiting(
          request, told, all, rounds, createAgainAt, latest.subList(from, latest.size()));
    }

    Waiting again(int nextRounds, Instant at) {
      return new Waiting(request, told, List.of(), nextRounds, at, failed);
    }

    /** Its pause is over. */
    Waiting now() {
      return new Waiting(request, told, tried, rounds, null, failed);
    }
  }

  /**
   * Claims are kept by request: they come and, mostly, go together.
   *
   * @param request its id; the run's id at the beginning, where it mostly stands, is shortened
   */
  public record Grant(String request, String replyTo, RunId run, Instant at, List<Claim> claims) {
    public Grant {
      claims = copy(claims);
      String prefix = run.toString();
      request = request.startsWith(prefix) ? "~" + request.substring(prefix.length()) : request;
    }

    String requestId() {
      return request.startsWith("~") ? run + request.substring(1) : request;
    }
  }

  /**
   * @param workflow the job's workflow id without the part that names the run
   * @param serial of the instance
   * @param shape index into {@link FleetState#shapes}
   * @param gpus which accelerators, by their place in the offer
   */
  public record Claim(
      JobId job,
      String jobName,
      String workflow,
      int serial,
      int shape,
      int blocks,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Integer> gpus) {
    public Claim {
      gpus = copy(gpus);
    }
  }

  public record Ended(String requestId, Instant at) {}

  /**
   * @param search what was asked for; absent: whatever the fleet may have
   * @param refused what was offered and is of no use, grouped by the reason
   */
  public record Book(
      Instant at,
      List<Offer> offers,
      @Nullable String problem,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable OfferSearch search,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Refusal> refused) {
    public Book {
      offers = copy(offers);
      refused = copy(refused);
    }
  }

  /**
   * Keeps the fleet at its minimum.
   *
   * @param filled the initial target has been reached once; from then on only the minimum counts
   * @param problem why the last attempt failed, until the next one
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record Consolidation(
      boolean filled,
      int attempts,
      @Nullable Instant nextAt,
      List<String> tried,
      @Nullable String problem) {
    private static final int MAX_PROBLEM = 2_000;

    public Consolidation {
      tried = copy(tried);
    }

    static Consolidation initial() {
      return new Consolidation(false, 0, null, List.of(), null);
    }

    static Consolidation reached() {
      return new Consolidation(true, 0, null, List.of(), null);
    }

    /** The pause is over. */
    Consolidation again() {
      return new Consolidation(filled, attempts, null, tried, problem);
    }

    Consolidation tried(List<String> all) {
      return new Consolidation(filled, attempts, nextAt, all, problem);
    }

    Consolidation started() {
      return new Consolidation(filled, attempts, nextAt, tried, null);
    }

    /** Another one, while it waits for the next attempt anyway. */
    Consolidation alsoFailed(String why) {
      String before = problem;
      boolean told = before != null && (before.contains(why) || before.length() > MAX_PROBLEM);
      return told
          ? this
          : new Consolidation(
              filled, attempts, nextAt, tried, before == null ? why : before + "; " + why);
    }

    Consolidation failed(int nextAttempts, @Nullable Instant at, String why) {
      return new Consolidation(filled, nextAttempts, at, List.of(), why);
    }
  }

  static FleetState initial(FleetPlan plan) {
    return new FleetState(
        0,
        FleetStatus.SUBMITTED,
        plan,
        0,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        null,
        false,
        Consolidation.initial(),
        null,
        List.of());
  }

  /** Empty lists are left out of the JSON. */
  private static <T> List<T> copy(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }
}
