package dev.dstack.workflows.run;

import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.run.RunPlan.JobPlan;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.WhyAttempt.Considered;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A run while one event is being decided: its next state, and what is to be done for it. */
final class RunDraft {
  /** A replica while it is being decided. */
  static final class Replica {
    private static final int MAX_CONSIDERED = 50;

    final int num;
    Phase phase;
    int submission;
    int attempt;
    @Nullable String requestId;
    int fleetIndex;
    List<FleetRef> waitingAt;
    boolean queued;
    boolean creating;
    List<String> refusals;
    @Nullable Instant answerBy;
    @Nullable Instant waitUntil;
    @Nullable Instant retryAt;
    @Nullable Instant failedAt;
    @Nullable Instant runningAt;
    @Nullable FleetRef fleet;
    List<JobSlot> jobs;
    List<Placement> held;
    List<Considered> considered;
    boolean untold;

    Replica(RunState.Replica from) {
      num = from.num();
      phase = from.phase();
      submission = from.submission();
      attempt = from.attempt();
      requestId = from.requestId();
      fleetIndex = from.fleetIndex();
      waitingAt = new ArrayList<>(from.waitingAt());
      queued = from.queued();
      creating = from.creating();
      refusals = new ArrayList<>(from.refusals());
      answerBy = from.answerBy();
      waitUntil = from.waitUntil();
      retryAt = from.retryAt();
      failedAt = from.failedAt();
      runningAt = from.runningAt();
      fleet = from.fleet();
      jobs = new ArrayList<>(from.jobs());
      held = new ArrayList<>(from.held());
      considered = new ArrayList<>(from.considered());
      untold = from.untold() != null && from.untold();
    }

    Replica(int num, int submission) {
      this.num = num;
      this.submission = submission;
      phase = Phase.ASKING;
      waitingAt = new ArrayList<>();
      refusals = new ArrayList<>();
      jobs = new ArrayList<>();
      held = new ArrayList<>();
      considered = new ArrayList<>();
    }

    RunState.Replica freeze() {
      return new RunState.Replica(
          num,
          phase,
          submission,
          attempt,
          requestId,
          fleetIndex,
          waitingAt,
          queued,
          creating,
          refusals,
          answerBy,
          waitUntil,
          retryAt,
          failedAt,
          runningAt,
          fleet,
          jobs,
          held,
          considered,
          untold ? Boolean.TRUE : null);
    }

    /** The last that a fleet said takes the place of what it said before. */
    void consider(Considered one) {
      considered.removeIf(before -> before.fleet().equals(one.fleet()));
      if (considered.size() < MAX_CONSIDERED) {
        considered.add(one);
        untold = true;
      }
    }

    boolean asksFor(String request) {
      return request.equals(requestId);
    }

    boolean unplaced() {
      return phase == Phase.ASKING || phase == Phase.WAITING;
    }

    boolean allJobsFinal() {
      return jobs.stream().allMatch(job -> job.status().isFinal());
    }

    void put(JobSlot next) {
      jobs.replaceAll(job -> job.id().equals(next.id()) ? next : job);
    }
  }

  final RunInput input;
  final RunPlan plan;
  final Instant now;

  long revision;
  RunStatus status;
  @Nullable RunTerminationReason reason;
  @Nullable String message;
  int priority;
  int deploymentNum;
  @Nullable FleetRef fleet;
  Instant since;
  @Nullable Instant nextTriggeredAt;
  int nextSubmission;
  List<Replica> replicas;
  final Set<FleetRef> asked;

  /** Of nodes that have got their places; shown before any of them starts. */
  final List<JobView> placedJobs = new ArrayList<>();

  final List<RunCommand> actions = new ArrayList<>();
  final List<JobView> shownJobs = new ArrayList<>();
  final List<RunCommand> releases = new ArrayList<>();
  final List<TimelineEvent> facts = new ArrayList<>();
  boolean visible;

  /** See {@link dev.dstack.workflows.support.Versions}. */
  final int logic;

  RunDraft(RunInput input, RunState state, Instant now, int logic) {
    this.input = input;
    this.logic = logic;
    this.plan = input.plan();
    this.now = now;
    revision = state.revision();
    status = state.status();
    reason = state.reason();
    message = state.message();
    priority = state.priority();
    deploymentNum = state.deploymentNum();
    fleet = state.fleet();
    since = state.since();
    nextTriggeredAt = state.nextTriggeredAt();
    nextSubmission = state.nextSubmission();
    replicas = new ArrayList<>(state.replicas().stream().map(Replica::new).toList());
    asked = new LinkedHashSet<>(state.asked());
  }

  RunState freeze() {
    return new RunState(
        revision,
        status,
        true,
        reason,
        message,
        priority,
        deploymentNum,
        fleet,
        since,
        nextTriggeredAt,
        nextSubmission,
        replicas.stream().map(Replica::freeze).toList(),
        List.copyOf(asked));
  }

  boolean terminating() {
    return status == RunStatus.TERMINATING;
  }

  void to(RunStatus next, @Nullable RunTerminationReason why) {
    if (!status.canBecome(next)) {
      throw new IllegalStateException("run can't go from " + status + " to " + next);
    }
    facts.add(Facts.statusChanged(now, "Run", status, next, why, target()));
    status = next;
    visible = true;
  }

  TimelineEvent.Target target() {
    return Facts.run(input.id(), input.runName());
  }

  List<JobPlan> jobs(Replica replica) {
    return plan.jobs().stream().filter(job -> job.replicaNum() == replica.num).toList();
  }

  /**
   * @param requestId absent: everything that this execution has there, but not what a later one of
   *     a schedule has, as a copy of this may come late
   */
  void release(FleetRef where, @Nullable String requestId) {
    int last = replicas.stream().mapToInt(replica -> replica.submission).max().orElse(0);
    ReleaseRequest request =
        requestId == null
            ? ReleaseRequest.through(input.id(), last)
            : ReleaseRequest.of(input.id(), requestId, List.of());
    releases.add(new RunCommand.Release(where, request));
  }

  static <T> T known(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the run has forgotten something it must know");
    }
    return value;
  }
}
