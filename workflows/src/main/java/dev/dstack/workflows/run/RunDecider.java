package dev.dstack.workflows.run;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobState;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.run.RunPlan.JobPlan;
import dev.dstack.workflows.run.RunPlan.RetryPlan;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Decides what a run does next: state and event in, state and commands out. */
final class RunDecider {
  /** A fleet that exists answers at once; this is for one that was ended by hand. */
  static final Duration ANSWER_DEADLINE = Duration.ofMinutes(2);

  /** A fleet that said it is making an instance tries several offers, each with its own limit. */
  static final Duration CREATION_DEADLINE = Duration.ofHours(2);

  /** The fleet ends a wait itself; this much later the run does. */
  static final Duration WAIT_MARGIN = Duration.ofSeconds(30);

  /** After so long a run, the next failure is again a first one. */
  static final Duration GOOD_WHILE = Duration.ofMinutes(10);

  static final List<Duration> BACK_OFF =
      Stream.of(15, 30, 60, 120, 300, 600).map(Duration::ofSeconds).toList();

  private static final int MAX_REFUSALS = 20;
  private static final long SUBMITTED_REVISION = 1;
  private static final long NEVER_STARTED_REVISION = 5;

  /** Above everything that a job's own workflow can have written. */
  private static final long LOST_REVISION = JobState.FIRST_REVISION + 1_000_000;

  record Decision(RunState state, List<RunCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  /** A replica while it is being decided. */
  private static final class Replica {
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
    }

    Replica(int num, int submission) {
      this.num = num;
      this.submission = submission;
      phase = Phase.ASKING;
      waitingAt = new ArrayList<>();
      refusals = new ArrayList<>();
      jobs = new ArrayList<>();
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
          jobs);
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
  }

  private final RunInput input;
  private final RunPlan plan;
  private final Instant now;
  private final BiFunction<List<String>, Instant, Optional<Instant>> cron;

  private long revision;
  private RunStatus status;
  private @Nullable RunTerminationReason reason;
  private @Nullable String message;
  private int priority;
  private int deploymentNum;
  private @Nullable FleetRef fleet;
  private Instant since;
  private @Nullable Instant nextTriggeredAt;
  private int nextSubmission;
  private List<Replica> replicas;
  private final Set<FleetRef> asked;

  private final List<RunCommand> actions = new ArrayList<>();
  private final List<RunCommand> shownJobs = new ArrayList<>();
  private final List<RunCommand> releases = new ArrayList<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private boolean visible;

  private RunDecider(
      RunInput input,
      RunState state,
      Instant now,
      BiFunction<List<String>, Instant, Optional<Instant>> cron) {
    this.input = input;
    this.plan = input.plan();
    this.now = now;
    this.cron = cron;
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

  /**
   * @param cron the next time after an instant that is in a schedule
   */
  static Decision decide(
      RunInput input,
      RunState state,
      RunEvent event,
      Instant now,
      BiFunction<List<String>, Instant, Optional<Instant>> cron) {
    RunDecider decider = new RunDecider(input, state, now, cron);
    if (!state.status().isFinal()) {
      decider.on(event, state.begun());
      decider.settle();
    }
    return decider.decision();
  }

  static @Nullable Instant deadline(RunState state) {
    Stream<@Nullable Instant> ofReplicas =
        state.status() == RunStatus.TERMINATING || state.status().isFinal()
            ? Stream.empty()
            : state.replicas().stream().map(RunDecider::deadline);
    return Stream.concat(Stream.of(state.nextTriggeredAt()), ofReplicas)
        .flatMap(Stream::ofNullable)
        .min(Comparator.naturalOrder())
        .orElse(null);
  }

  private static @Nullable Instant deadline(RunState.Replica replica) {
    return switch (replica.phase()) {
      case ASKING -> replica.answerBy();
      case WAITING -> replica.waitUntil() == null ? null : replica.waitUntil().plus(WAIT_MARGIN);
      case BACKING_OFF -> replica.retryAt();
      case ACTIVE, RESTARTING, DONE, FAILED -> null;
    };
  }

  private void on(RunEvent event, boolean begun) {
    switch (event) {
      case RunEvent.Begin _ -> {
        if (!begun) {
          begin();
        }
      }
      case RunEvent.Answered(FleetAnswer answer) -> answered(answer);
      case RunEvent.NoSuchFleet(String requestId, FleetRef where) -> {
        Replica replica = waitingFor(requestId, where);
        if (replica != null) {
          refused(replica, where, List.of(new Refusal("fleet " + where.name(), "does not exist")));
        }
      }
      case RunEvent.Reported(JobReport report) -> reported(report);
      case RunEvent.JobClosed(JobId job) -> jobClosed(job);
      case RunEvent.StopAsked(RunStop stop) -> stopAsked(stop);
      case RunEvent.Updated(RunUpdate update) -> updated(update);
      case RunEvent.Tick(Instant at) -> tick(at);
    }
  }

  private boolean terminating() {
    return status == RunStatus.TERMINATING;
  }

  // ---- beginning, schedules

  private void begin() {
    if (plan.cron().isEmpty()) {
      execute(input.submittedAt());
      return;
    }
    visible = true;
    schedule();
  }

  private void schedule() {
    nextTriggeredAt = cron.apply(plan.cron(), now).orElse(null);
    if (nextTriggeredAt == null) {
      terminate(RunTerminationReason.ALL_JOBS_DONE, "the schedule has no further time");
    }
  }

  private void execute(Instant askedAt) {
    since = askedAt;
    nextTriggeredAt = null;
    reason = null;
    message = null;
    TreeMap<Integer, List<JobPlan>> groups = new TreeMap<>();
    plan.jobs().forEach(job -> groups.computeIfAbsent(job.replicaNum(), _ -> new ArrayList<>()));
    replicas = new ArrayList<>();
    groups.keySet().forEach(num -> replicas.add(new Replica(num, nextSubmission)));
    replicas.forEach(this::ask);
  }

  // ---- capacity

  private void ask(Replica replica) {
    replica.jobs.clear();
    for (JobPlan job : jobs(replica)) {
      replica.jobs.add(
          new JobSlot(
              JobId.of(input.id(), replica.num, job.jobNum(), replica.submission),
              job.jobNum(),
              job.jobName(),
              now,
              JobStatus.SUBMITTED,
              false,
              false,
              false,
              0,
              null,
              null,
              null));
    }
    replica.refusals.clear();
    replica.queued = false;
    replica.creating = false;
    replica.fleet = null;
    replica.runningAt = null;
    replica.retryAt = null;
    replica.fleetIndex = 0;
    nextSubmission = Math.max(nextSubmission, replica.submission + 1);
    if (plan.fleets().isEmpty()) {
      noCapacity(replica, "no fleets");
    } else if (plan.fleets().size() == 1 && mayWait(replica)) {
      // One queue to stand in: no need to be refused first.
      stand(replica);
    } else {
      askCurrent(replica);
    }
  }

  private List<JobPlan> jobs(Replica replica) {
    return plan.jobs().stream().filter(job -> job.replicaNum() == replica.num).toList();
  }

  private void askCurrent(Replica replica) {
    replica.phase = Phase.ASKING;
    replica.requestId = input.id() + "/" + replica.num + "." + replica.submission;
    replica.answerBy = now.plus(ANSWER_DEADLINE);
    send(replica, plan.fleets().get(replica.fleetIndex), null);
  }

  private void stand(Replica replica) {
    replica.phase = Phase.WAITING;
    replica.requestId = input.id() + "/" + replica.num + "." + replica.submission + "w";
    replica.answerBy = null;
    replica.waitUntil = windowEnd(replica);
    replica.waitingAt = new ArrayList<>(plan.fleets());
    replica.waitingAt.forEach(where -> send(replica, where, replica.waitUntil));
  }

  private void send(Replica replica, FleetRef where, @Nullable Instant waitUntil) {
    asked.add(where);
    List<ReserveRequest.Wanted> wanted =
        jobs(replica).stream()
            .map(
                job ->
                    new ReserveRequest.Wanted(
                        JobId.of(input.id(), replica.num, job.jobNum(), replica.submission),
                        job.jobName(),
                        WorkflowIds.job(input.id(), replica.num, job.jobNum(), replica.submission),
                        job.requirements()))
            .toList();
    actions.add(
        new RunCommand.Ask(
            where,
            new ReserveRequest(
                known(replica.requestId),
                WorkflowIds.run(input.project(), input.runName()),
                input.id(),
                input.runName(),
                priority,
                input.submittedAt(),
                wanted,
                waitUntil,
                plan.mayCreate())));
  }

  /**
   * Absent: no capacity now is the end. As upstream, an attempt that had started is retried for the
   * time counted from its end, whatever is missing then; otherwise the time is counted from the
   * submission and only where the user wants retries for lack of capacity.
   */
  private @Nullable Instant windowEnd(Replica replica) {
    RetryPlan retry = plan.retry();
    if (retry == null) {
      return null;
    }
    if (replica.failedAt != null) {
      return replica.failedAt.plus(retry.duration());
    }
    boolean forCapacity = retry.onEvents().contains(RetryEvent.NO_CAPACITY);
    return forCapacity ? since.plus(retry.duration()) : null;
  }

  private boolean mayWait(Replica replica) {
    Instant end = windowEnd(replica);
    return end != null && end.isAfter(now);
  }

  private void answered(FleetAnswer answer) {
    Replica replica = waitingFor(answer.requestId(), answer.fleet());
    if (replica == null || terminating()) {
      if (answer instanceof FleetAnswer.Granted && !holds(answer)) {
        releases.add(release(answer.fleet(), answer.requestId(), List.of()));
      }
      return;
    }
    switch (answer) {
      case FleetAnswer.Granted granted -> granted(replica, granted);
      case FleetAnswer.Refused refused -> refused(replica, refused.fleet(), refused.refusals());
      case FleetAnswer.Queued queued -> queued(replica, queued);
    }
  }

  /** The answer is a copy of the one that its jobs run on. */
  private boolean holds(FleetAnswer answer) {
    return replicas.stream()
        .anyMatch(
            replica -> replica.asksFor(answer.requestId()) && answer.fleet().equals(replica.fleet));
  }

  private @Nullable Replica waitingFor(String requestId, FleetRef where) {
    for (Replica replica : replicas) {
      boolean there =
          switch (replica.phase) {
            case ASKING -> plan.fleets().get(replica.fleetIndex).equals(where);
            case WAITING -> replica.waitingAt.contains(where);
            case ACTIVE, RESTARTING, BACKING_OFF, DONE, FAILED -> false;
          };
      if (there && replica.asksFor(requestId)) {
        return replica;
      }
    }
    return null;
  }

  private void granted(Replica replica, FleetAnswer.Granted granted) {
    for (FleetRef other : replica.waitingAt) {
      if (!other.equals(granted.fleet())) {
        releases.add(release(other, granted.requestId(), List.of()));
      }
    }
    replica.waitingAt.clear();
    replica.phase = Phase.ACTIVE;
    replica.fleet = granted.fleet();
    replica.answerBy = null;
    replica.waitUntil = null;
    fleet = granted.fleet();
    for (JobPlan job : jobs(replica)) {
      JobId id = JobId.of(input.id(), replica.num, job.jobNum(), replica.submission);
      Placement placement =
          granted.placements().stream()
              .filter(one -> one.job().equals(id))
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("no placement for " + job.jobName()));
      actions.add(new RunCommand.StartJob(jobInput(replica, job, id, placement)));
    }
    replica.jobs.replaceAll(job -> with(job, JobStatus.PROVISIONING, true));
  }

  private JobInput jobInput(Replica replica, JobPlan job, JobId id, Placement placement) {
    return new JobInput(
        id,
        input.id(),
        WorkflowIds.run(input.project(), input.runName()),
        input.projectId(),
        input.project(),
        input.runName(),
        input.user(),
        replica.num,
        job.jobNum(),
        replica.submission,
        job.jobName(),
        replica.submission == 0 ? input.submittedAt() : slot(replica, id).submittedAt(),
        placement,
        plan.stopDuration(),
        plan.maxDuration(),
        job.volumes());
  }

  private void refused(Replica replica, FleetRef where, List<Refusal> refusals) {
    remember(replica, refusals);
    if (replica.phase == Phase.WAITING) {
      replica.waitingAt.remove(where);
      if (replica.waitingAt.isEmpty()) {
        noCapacity(replica, "");
      }
    } else if (replica.fleetIndex + 1 < plan.fleets().size()) {
      replica.fleetIndex++;
      replica.creating = false;
      askCurrent(replica);
    } else if (mayWait(replica)) {
      stand(replica);
    } else {
      noCapacity(replica, "");
    }
  }

  /** What the user is told when no fleet can serve the run in the end. */
  private static void remember(Replica replica, List<Refusal> refusals) {
    for (Refusal refusal : refusals) {
      String text = refusal.what() + ": " + refusal.why();
      if (!replica.refusals.contains(text) && replica.refusals.size() < MAX_REFUSALS) {
        replica.refusals.add(text);
      }
    }
  }

  private void queued(Replica replica, FleetAnswer.Queued queued) {
    replica.queued = true;
    replica.creating = queued.creating();
    remember(replica, queued.refusals());
    if (replica.phase == Phase.ASKING) {
      replica.answerBy = now.plus(CREATION_DEADLINE);
    }
    String why =
        queued.refusals().stream()
            .map(refusal -> refusal.what() + ": " + refusal.why())
            .reduce((a, b) -> a + "; " + b)
            .orElse("");
    for (JobSlot job : List.copyOf(replica.jobs)) {
      if (!job.shown()) {
        shownJobs.add(show(replica, job, SUBMITTED_REVISION, "submitted", why, List.of()));
        put(replica, shown(job));
      }
    }
  }

  private void noCapacity(Replica replica, String message) {
    boolean noFleets = plan.fleets().isEmpty();
    String why = message.isEmpty() ? String.join("; ", replica.refusals) : message;
    boolean hadRetry = windowEnd(replica) != null && !noFleets;
    endUnstarted(
        replica,
        JobTerminationReason.FAILED_TO_START_DUE_TO_NO_CAPACITY,
        why,
        noFleets ? "no fleets" : "no capacity");
    replica.phase = Phase.FAILED;
    RunTerminationReason end =
        hadRetry ? RunTerminationReason.RETRY_LIMIT_EXCEEDED : RunTerminationReason.JOB_FAILED;
    terminate(end, noFleets ? "no fleets" : why.isEmpty() ? "no capacity" : "no capacity: " + why);
  }

  /** There is no workflow that could show the end of these jobs. */
  private void endUnstarted(
      Replica replica, JobTerminationReason why, String words, String shownStatus) {
    for (JobSlot job : List.copyOf(replica.jobs)) {
      if (job.started() || job.status().isFinal()) {
        continue;
      }
      JobSlot ended = ended(job, why, words, null);
      put(replica, ended);
      TimelineEvent.Target target = Facts.job(job.id(), job.jobName());
      List<TimelineEvent> story =
          List.of(
              Facts.statusChanged(now, "Job", job.status(), JobStatus.TERMINATING, why, target),
              Facts.statusChanged(now, "Job", JobStatus.TERMINATING, ended.status(), null, target));
      shownJobs.add(show(replica, ended, NEVER_STARTED_REVISION, shownStatus, words, story));
    }
  }

  // ---- jobs

  private void reported(JobReport report) {
    for (Replica replica : replicas) {
      for (JobSlot job : List.copyOf(replica.jobs)) {
        if (!job.id().equals(report.job()) || report.seq() <= job.seq() || job.status().isFinal()) {
          continue;
        }
        put(
            replica,
            new JobSlot(
                job.id(),
                job.jobNum(),
                job.jobName(),
                job.submittedAt(),
                report.status(),
                true,
                job.shown(),
                job.stopping(),
                report.seq(),
                report.reason(),
                report.message(),
                report.exitStatus()));
        if (report.status() == JobStatus.RUNNING && replica.runningAt == null) {
          replica.runningAt = now;
        }
        if (report.status().isFinal()) {
          jobEnded(replica, report.job());
        }
      }
    }
  }

  private void jobClosed(JobId id) {
    for (Replica replica : replicas) {
      for (JobSlot job : List.copyOf(replica.jobs)) {
        if (job.id().equals(id) && job.started() && !job.status().isFinal()) {
          String words = "its workflow ended without a result; was it terminated by hand?";
          JobSlot lost = ended(job, JobTerminationReason.TERMINATED_BY_SERVER, words, null);
          put(replica, lost);
          shownJobs.add(
              show(
                  replica,
                  lost,
                  LOST_REVISION,
                  JobTerminationReason.TERMINATED_BY_SERVER.shown(null),
                  words,
                  List.of()));
          jobEnded(replica, id);
        }
      }
    }
  }

  private void jobEnded(Replica replica, JobId id) {
    if (replica.fleet != null && !replica.allJobsFinal()) {
      releases.add(release(replica.fleet, known(replica.requestId), List.of(id)));
    }
    if (!terminating()) {
      evaluate(replica);
    }
  }

  private void evaluate(Replica replica) {
    if (replica.phase == Phase.ACTIVE) {
      JobSlot failed =
          replica.jobs.stream()
              .filter(job -> job.status().isFinal() && job.status() != JobStatus.DONE)
              .findFirst()
              .orElse(null);
      if (failed != null) {
        jobFailed(replica, failed);
      } else if (replica.allJobsFinal()) {
        replica.phase = Phase.DONE;
        releaseReplica(replica);
      }
    }
    if (replica.phase == Phase.RESTARTING && replica.allJobsFinal()) {
      backOff(replica);
    }
  }

  private void jobFailed(Replica replica, JobSlot failed) {
    RetryPlan retry = plan.retry();
    boolean retried =
        retry != null
            && failed.reason() != null
            && failed.reason().retryEvent().filter(retry.onEvents()::contains).isPresent();
    if (!retried) {
      replica.phase = Phase.FAILED;
      String words = failed.message() == null ? "" : failed.message();
      terminate(
          RunTerminationReason.JOB_FAILED,
          failed.jobName() + (words.isEmpty() ? " failed" : ": " + words));
      return;
    }
    replica.phase = Phase.RESTARTING;
    stopJobs(
        replica,
        new JobStop(
            JobTerminationReason.TERMINATED_BY_SERVER,
            failed.jobName() + " failed and the replica is restarted",
            plan.stopDuration()));
  }

  private void backOff(Replica replica) {
    boolean ranWell = replica.runningAt != null && !replica.runningAt.plus(GOOD_WHILE).isAfter(now);
    replica.attempt = ranWell ? 0 : replica.attempt;
    replica.failedAt = now;
    replica.retryAt = now.plus(BACK_OFF.get(Math.min(replica.attempt, BACK_OFF.size() - 1)));
    replica.attempt++;
    replica.phase = Phase.BACKING_OFF;
    releaseReplica(replica);
    fleet = null;
    visible = true;
  }

  private void retry(Replica replica) {
    replica.submission++;
    ask(replica);
    for (JobSlot job : replica.jobs) {
      facts.add(
          Facts.fact(
              now, "Job created on retry. Status: SUBMITTED", Facts.job(job.id(), job.jobName())));
    }
    visible = true;
  }

  private void stopJobs(Replica replica, JobStop stop) {
    for (JobSlot job : List.copyOf(replica.jobs)) {
      boolean harder = job.stopping() && stop.grace().isZero();
      if (job.started() && !job.status().isFinal() && (!job.stopping() || harder)) {
        put(replica, stopping(job));
        actions.add(
            new RunCommand.StopJob(
                WorkflowIds.job(input.id(), replica.num, job.jobNum(), replica.submission), stop));
      }
    }
  }

  // ---- the end

  private void stopAsked(RunStop stop) {
    RunTerminationReason wanted =
        stop.abort() ? RunTerminationReason.ABORTED_BY_USER : RunTerminationReason.STOPPED_BY_USER;
    boolean harder = terminating() && stop.abort() && reason != wanted;
    if (harder) {
      reason = wanted;
      visible = true;
      facts.add(Facts.fact(now, "Run is aborted while it stops", target()));
      replicas.forEach(replica -> stopJobs(replica, jobStop(wanted, byWhom(stop))));
    } else {
      terminate(wanted, byWhom(stop));
    }
  }

  private static String byWhom(RunStop stop) {
    return (stop.abort() ? "aborted" : "stopped") + " by " + stop.user();
  }

  private JobStop jobStop(RunTerminationReason why, String words) {
    boolean abort = why == RunTerminationReason.ABORTED_BY_USER;
    return new JobStop(why.jobReason(), words, abort ? Duration.ZERO : plan.stopDuration());
  }

  private void terminate(RunTerminationReason why, String words) {
    if (terminating()) {
      return;
    }
    reason = why;
    message = words.isEmpty() ? null : Failures.cut(words);
    nextTriggeredAt = null;
    to(RunStatus.TERMINATING, why);
    for (Replica replica : replicas) {
      if (replica.unplaced()) {
        replica.answerBy = null;
        endUnstarted(replica, why.jobReason(), words, why.jobReason().shown(null));
      }
      stopJobs(replica, jobStop(why, words));
    }
  }

  /** After every event: the status that follows from the replicas, the end when all have ended. */
  private void settle() {
    if (!terminating() && nextTriggeredAt == null && !replicas.isEmpty()) {
      if (replicas.stream().allMatch(replica -> replica.phase == Phase.DONE)) {
        terminate(RunTerminationReason.ALL_JOBS_DONE, "");
      } else {
        follow();
      }
    }
    if (terminating() && replicas.stream().allMatch(Replica::allJobsFinal)) {
      finish();
    }
  }

  private void follow() {
    RunStatus best = null;
    for (Replica replica : replicas) {
      RunStatus one = statusOf(replica);
      if (one != null && (best == null || rank(one) > rank(best))) {
        best = one;
      }
    }
    if (best == null || best == status) {
      return;
    }
    if (!status.canBecome(best)) {
      to(RunStatus.SUBMITTED, null);
    }
    if (best != status) {
      to(best, null);
    }
  }

  private static int rank(RunStatus status) {
    return switch (status) {
      case RUNNING -> 4;
      case PROVISIONING -> 3;
      case SUBMITTED -> 2;
      case PENDING -> 1;
      case TERMINATING, TERMINATED, FAILED, DONE -> 0;
    };
  }

  /** Absent: it has no say any more. */
  private @Nullable RunStatus statusOf(Replica replica) {
    return switch (replica.phase) {
      case ASKING -> replica.creating ? RunStatus.PROVISIONING : RunStatus.SUBMITTED;
      case WAITING ->
          replica.creating
              ? RunStatus.PROVISIONING
              : replica.queued ? RunStatus.PENDING : RunStatus.SUBMITTED;
      case BACKING_OFF -> RunStatus.PENDING;
      case ACTIVE, RESTARTING -> {
        boolean running = replica.jobs.stream().anyMatch(j -> j.status() == JobStatus.RUNNING);
        boolean ended = replica.allJobsFinal();
        yield running ? RunStatus.RUNNING : ended ? null : RunStatus.PROVISIONING;
      }
      case DONE, FAILED -> null;
    };
  }

  private void finish() {
    RunTerminationReason why = known(reason);
    for (FleetRef where : asked) {
      Replica only = replicas.size() == 1 ? replicas.getFirst() : null;
      String requestId = only == null ? null : only.requestId;
      releases.add(release(where, requestId, List.of()));
    }
    asked.clear();
    if (!plan.cron().isEmpty() && !why.byUser()) {
      Optional<Instant> next = cron.apply(plan.cron(), now);
      if (next.isPresent()) {
        replicas = new ArrayList<>();
        fleet = null;
        reason = null;
        to(RunStatus.PENDING, null);
        nextTriggeredAt = next.get();
        return;
      }
    }
    to(why.finalStatus(), null);
  }

  /** What the end of the whole run gives back at once need not be given back before. */
  private void releaseReplica(Replica replica) {
    boolean runGoesOn = replicas.size() > 1 || replica.phase == Phase.BACKING_OFF;
    if (replica.fleet != null && runGoesOn) {
      releases.add(release(replica.fleet, known(replica.requestId), List.of()));
    }
  }

  private RunCommand release(FleetRef where, @Nullable String requestId, List<JobId> jobs) {
    return new RunCommand.Release(where, new ReleaseRequest(input.id(), requestId, jobs));
  }

  // ---- time and changes

  private void tick(Instant at) {
    if (terminating()) {
      return;
    }
    if (nextTriggeredAt != null) {
      if (!at.isBefore(nextTriggeredAt)) {
        Instant trigger = nextTriggeredAt;
        to(RunStatus.SUBMITTED, null);
        execute(trigger);
      }
      return;
    }
    for (Replica replica : List.copyOf(replicas)) {
      Instant due = deadline(replica.freeze());
      if (due == null || at.isBefore(due) || terminating()) {
        continue;
      }
      switch (replica.phase) {
        case ASKING -> {
          FleetRef silent = plan.fleets().get(replica.fleetIndex);
          releases.add(release(silent, known(replica.requestId), List.of()));
          refused(
              replica, silent, List.of(new Refusal("fleet " + silent.name(), "did not answer")));
        }
        case WAITING -> noCapacity(replica, "");
        case BACKING_OFF -> retry(replica);
        case ACTIVE, RESTARTING, DONE, FAILED -> {
          // Without a deadline.
        }
      }
    }
  }

  private void updated(RunUpdate update) {
    boolean urgent = priority != update.priority();
    if (!urgent && deploymentNum == update.deploymentNum()) {
      return;
    }
    priority = update.priority();
    deploymentNum = update.deploymentNum();
    visible = true;
    facts.add(
        Facts.fact(
            now,
            "Run updated. Deployment: " + deploymentNum + ", priority: " + priority,
            target()));
    if (urgent && !terminating()) {
      for (Replica replica : replicas) {
        if (replica.phase == Phase.WAITING) {
          List.copyOf(replica.waitingAt).forEach(one -> send(replica, one, replica.waitUntil));
        }
      }
    }
  }

  // ---- small things

  private static <T> T known(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the run has forgotten something it must know");
    }
    return value;
  }

  private static JobSlot slot(Replica replica, JobId id) {
    return replica.jobs.stream()
        .filter(job -> job.id().equals(id))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no job " + id));
  }

  private static void put(Replica replica, JobSlot next) {
    replica.jobs.replaceAll(job -> job.id().equals(next.id()) ? next : job);
  }

  private static JobSlot with(JobSlot job, JobStatus status, boolean started) {
    return new JobSlot(
        job.id(),
        job.jobNum(),
        job.jobName(),
        job.submittedAt(),
        status,
        started,
        job.shown(),
        job.stopping(),
        job.seq(),
        job.reason(),
        job.message(),
        job.exitStatus());
  }

  private static JobSlot shown(JobSlot job) {
    return new JobSlot(
        job.id(),
        job.jobNum(),
        job.jobName(),
        job.submittedAt(),
        job.status(),
        job.started(),
        true,
        job.stopping(),
        job.seq(),
        job.reason(),
        job.message(),
        job.exitStatus());
  }

  private static JobSlot stopping(JobSlot job) {
    return new JobSlot(
        job.id(),
        job.jobNum(),
        job.jobName(),
        job.submittedAt(),
        job.status(),
        job.started(),
        job.shown(),
        true,
        job.seq(),
        job.reason(),
        job.message(),
        job.exitStatus());
  }

  private static JobSlot ended(
      JobSlot job, JobTerminationReason why, String words, @Nullable Integer exitStatus) {
    return new JobSlot(
        job.id(),
        job.jobNum(),
        job.jobName(),
        job.submittedAt(),
        why.finalStatus(),
        job.started(),
        job.shown(),
        job.stopping(),
        job.seq(),
        why,
        words,
        exitStatus);
  }

  private void to(RunStatus next, @Nullable RunTerminationReason why) {
    if (!status.canBecome(next)) {
      throw new IllegalStateException("run can't go from " + status + " to " + next);
    }
    facts.add(Facts.statusChanged(now, "Run", status, next, why, target()));
    status = next;
    visible = true;
  }

  private TimelineEvent.Target target() {
    return Facts.run(input.id(), input.runName());
  }

  private RunCommand show(
      Replica replica,
      JobSlot job,
      long jobRevision,
      String shownStatus,
      String words,
      List<TimelineEvent> story) {
    return new RunCommand.ShowJob(
        new JobView(
            job.id(),
            input.id(),
            input.projectId(),
            replica.num,
            job.jobNum(),
            replica.submission,
            job.jobName(),
            jobRevision,
            job.status(),
            shownStatus,
            job.reason(),
            words.isEmpty() ? null : Failures.cut(words),
            job.exitStatus(),
            null,
            null,
            null,
            Map.of(),
            replica.submission == 0 ? input.submittedAt() : job.submittedAt(),
            now,
            null,
            job.status().isFinal() ? now : null,
            story));
  }

  /** Fleets and jobs first, then what is shown, and only then what is given back. */
  private Decision decision() {
    List<RunCommand> commands = new ArrayList<>(actions);
    commands.addAll(shownJobs);
    if (visible) {
      revision++;
      commands.add(
          new RunCommand.Show(
              new RunView(
                  input.id(),
                  input.projectId(),
                  revision,
                  status,
                  statusMessage(),
                  reason,
                  error(),
                  fleet,
                  now,
                  nextTriggeredAt,
                  priority,
                  deploymentNum,
                  facts)));
    }
    commands.addAll(releases);
    RunState state =
        new RunState(
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
    return new Decision(state, commands);
  }

  private String statusMessage() {
    if (status == RunStatus.PENDING && nextTriggeredAt == null) {
      boolean retrying = replicas.stream().anyMatch(one -> one.phase == Phase.BACKING_OFF);
      return retrying ? "retrying" : "waiting for capacity";
    }
    if (!status.isFinal()) {
      return status.wire();
    }
    if (plan.fleets().isEmpty() && "no fleets".equals(message)) {
      return "no fleets";
    }
    List<JobSlot> jobs = replicas.stream().flatMap(replica -> replica.jobs.stream()).toList();
    return jobs.stream()
        .filter(job -> job.status() != JobStatus.DONE)
        .findFirst()
        .or(() -> jobs.stream().findFirst())
        .map(job -> job.reason() == null ? null : job.reason().shown(job.exitStatus()))
        .orElse(status.wire());
  }

  private @Nullable String error() {
    return switch (reason) {
      case RETRY_LIMIT_EXCEEDED -> "retry limit exceeded";
      case SERVER_ERROR -> "server error";
      case GATEWAY_ERROR -> "gateway error";
      case ALL_JOBS_DONE, JOB_FAILED, STOPPED_BY_USER, ABORTED_BY_USER -> null;
      case null -> null;
    };
  }
}
