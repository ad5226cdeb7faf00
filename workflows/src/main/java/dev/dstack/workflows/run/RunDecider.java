package dev.dstack.workflows.run;

import dev.dstack.model.job.JobStatus;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Versions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Decides what a run does next: state and event in, state and commands out. */
final class RunDecider {
  /** The fleet ends a wait itself; this much later the run does. */
  static final Duration WAIT_MARGIN = Duration.ofSeconds(30);

  record Decision(RunState state, List<RunCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final RunDraft run;
  private final BiFunction<List<String>, Instant, Optional<Instant>> cron;
  private final RunShown shown;
  private final RunEnding ending;
  private final RunCapacity capacity;
  private final RunJobs jobs;

  private RunDecider(RunDraft run, BiFunction<List<String>, Instant, Optional<Instant>> cron) {
    this.run = run;
    this.cron = cron;
    shown = new RunShown(run);
    ending = new RunEnding(run, shown);
    RunStart start = new RunStart(run, shown);
    capacity = new RunCapacity(run, shown, ending, start);
    jobs = new RunJobs(run, shown, ending, capacity, start);
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
    return decide(input, state, event, now, cron, Versions.CAPACITY);
  }

  /**
   * @param logic the version of the workflow, see {@link Versions}
   */
  static Decision decide(
      RunInput input,
      RunState state,
      RunEvent event,
      Instant now,
      BiFunction<List<String>, Instant, Optional<Instant>> cron,
      int logic) {
    RunDecider decider = new RunDecider(new RunDraft(input, state, now, logic), cron);
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
      case RunEvent.Answered(FleetAnswer answer) -> capacity.answered(answer);
      case RunEvent.NoSuchFleet(String requestId, FleetRef where) ->
          capacity.noSuchFleet(requestId, where);
      case RunEvent.Reported(JobReport report) -> jobs.reported(report);
      case RunEvent.JobClosed closed -> jobs.closed(closed.job());
      case RunEvent.StopAsked(RunStop stop) -> ending.stopAsked(stop);
      case RunEvent.Updated(RunUpdate update) -> updated(update);
      case RunEvent.Tick(Instant at) -> tick(at);
    }
  }

  // ---- beginning, schedules

  private void begin() {
    if (run.plan.cron().isEmpty()) {
      execute(run.input.submittedAt());
      return;
    }
    run.visible = true;
    schedule();
  }

  private void schedule() {
    run.nextTriggeredAt = cron.apply(run.plan.cron(), run.now).orElse(null);
    if (run.nextTriggeredAt == null) {
      ending.terminate(RunTerminationReason.ALL_JOBS_DONE, "the schedule has no further time");
    }
  }

  private void execute(Instant askedAt) {
    run.since = askedAt;
    run.nextTriggeredAt = null;
    run.reason = null;
    run.message = null;
    TreeSet<Integer> nums = new TreeSet<>();
    run.plan.jobs().forEach(job -> nums.add(job.replicaNum()));
    run.replicas = new ArrayList<>();
    nums.forEach(num -> run.replicas.add(new Replica(num, run.nextSubmission)));
    run.replicas.forEach(capacity::ask);
  }

  // ---- time and changes

  private void tick(Instant at) {
    if (run.terminating()) {
      return;
    }
    if (run.nextTriggeredAt != null) {
      if (!at.isBefore(run.nextTriggeredAt)) {
        Instant trigger = run.nextTriggeredAt;
        run.to(RunStatus.SUBMITTED, null);
        execute(trigger);
      }
      return;
    }
    for (Replica replica : List.copyOf(run.replicas)) {
      Instant due = deadline(replica.freeze());
      if (due == null || at.isBefore(due) || run.terminating()) {
        continue;
      }
      switch (replica.phase) {
        case ASKING -> capacity.silent(replica);
        case WAITING -> capacity.noCapacity(replica, "");
        case BACKING_OFF -> jobs.retry(replica);
        case ACTIVE, RESTARTING, DONE, FAILED -> {
          // Without a deadline.
        }
      }
    }
  }

  private void updated(RunUpdate update) {
    boolean urgent = run.priority != update.priority();
    if (!urgent && run.deploymentNum == update.deploymentNum()) {
      return;
    }
    run.priority = update.priority();
    run.deploymentNum = update.deploymentNum();
    run.visible = true;
    run.facts.add(
        Facts.fact(
            run.now,
            "Run updated. Deployment: " + run.deploymentNum + ", priority: " + run.priority,
            run.target()));
    if (urgent && !run.terminating()) {
      capacity.askAgain();
    }
  }

  // ---- after every event

  /** The status that follows from the replicas, the end when all have ended. */
  private void settle() {
    if (!run.terminating() && run.nextTriggeredAt == null && !run.replicas.isEmpty()) {
      if (run.replicas.stream().allMatch(replica -> replica.phase == RunState.Phase.DONE)) {
        ending.terminate(RunTerminationReason.ALL_JOBS_DONE, "");
      } else {
        follow();
      }
    }
    if (run.terminating() && run.replicas.stream().allMatch(Replica::allJobsFinal)) {
      ending.finish(cron);
    }
  }

  private void follow() {
    RunStatus best = null;
    for (Replica replica : run.replicas) {
      RunStatus one = statusOf(replica);
      if (one != null && (best == null || rank(one) > rank(best))) {
        best = one;
      }
    }
    if (best == null || best == run.status) {
      return;
    }
    if (!run.status.canBecome(best)) {
      run.to(RunStatus.SUBMITTED, null);
    }
    if (best != run.status) {
      run.to(best, null);
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
  private static @Nullable RunStatus statusOf(Replica replica) {
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

  /** Fleets and jobs first, then what is shown, and only then what is given back. */
  private Decision decision() {
    List<RunCommand> commands = new ArrayList<>(shown.commands(run.placedJobs));
    commands.addAll(run.actions);
    commands.addAll(shown.commands(run.shownJobs));
    if (run.visible) {
      run.revision++;
      commands.add(shown.run());
    }
    commands.addAll(run.releases);
    return new Decision(run.freeze(), commands);
  }
}
