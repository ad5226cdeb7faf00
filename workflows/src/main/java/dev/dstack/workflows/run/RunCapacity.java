package dev.dstack.workflows.run;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.run.RunPlan.JobPlan;
import dev.dstack.workflows.run.RunPlan.RetryPlan;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.view.WhyAttempt.Considered;
import dev.dstack.workflows.view.WhyAttempt.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a replica gets instances for all of its jobs: it asks fleets, or waits in their queues. */
final class RunCapacity {
  /** A fleet that exists answers at once; this is for one that was ended by hand. */
  static final Duration ANSWER_DEADLINE = Duration.ofMinutes(2);

  /** A fleet that said it is making an instance tries several offers, each with its own limit. */
  static final Duration CREATION_DEADLINE = Duration.ofHours(2);

  private static final int MAX_REFUSALS = 20;
  private static final long SUBMITTED_REVISION = 1;

  private final RunDraft run;
  private final RunPlan plan;
  private final RunShown shown;
  private final RunEnding ending;
  private final RunStart start;

  RunCapacity(RunDraft run, RunShown shown, RunEnding ending, RunStart start) {
    this.run = run;
    this.plan = run.plan;
    this.shown = shown;
    this.ending = ending;
    this.start = start;
  }

  /** For a new submission of all jobs. */
  void ask(Replica replica) {
    replica.jobs.clear();
    replica.held.clear();
    replica.considered.clear();
    replica.untold = false;
    for (JobPlan job : run.jobs(replica)) {
      replica.jobs.add(
          new JobSlot(
              JobId.of(run.input.id(), replica.num, job.jobNum(), replica.submission),
              job.jobNum(),
              job.jobName(),
              run.now,
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
    run.nextSubmission = Math.max(run.nextSubmission, replica.submission + 1);
    if (plan.fleets().isEmpty()) {
      noCapacity(replica, "no fleets");
    } else if (plan.fleets().size() == 1 && mayWait(replica)) {
      // One queue to stand in: no need to be refused first.
      stand(replica);
    } else {
      askCurrent(replica);
    }
  }

  private void askCurrent(Replica replica) {
    replica.phase = Phase.ASKING;
    replica.requestId = run.input.id() + "/" + replica.num + "." + replica.submission;
    replica.answerBy = run.now.plus(ANSWER_DEADLINE);
    send(replica, plan.fleets().get(replica.fleetIndex), null);
  }

  private void stand(Replica replica) {
    replica.phase = Phase.WAITING;
    replica.requestId = run.input.id() + "/" + replica.num + "." + replica.submission + "w";
    replica.answerBy = null;
    replica.waitUntil = windowEnd(replica);
    replica.waitingAt = new ArrayList<>(plan.fleets());
    replica.waitingAt.forEach(where -> send(replica, where, replica.waitUntil));
  }

  /** The same requests again, with the priority of now. */
  void askAgain() {
    for (Replica replica : run.replicas) {
      if (replica.phase == Phase.WAITING) {
        List.copyOf(replica.waitingAt).forEach(one -> send(replica, one, replica.waitUntil));
      }
    }
  }

  private void send(Replica replica, FleetRef where, @Nullable Instant waitUntil) {
    run.asked.add(where);
    List<ReserveRequest.Wanted> wanted =
        run.jobs(replica).stream()
            .map(
                job ->
                    new ReserveRequest.Wanted(
                        JobId.of(run.input.id(), replica.num, job.jobNum(), replica.submission),
                        job.jobName(),
                        WorkflowIds.job(
                            run.input.id(), replica.num, job.jobNum(), replica.submission),
                        job.requirements()))
            .toList();
    run.actions.add(
        new RunCommand.Ask(
            where,
            new ReserveRequest(
                RunDraft.known(replica.requestId),
                WorkflowIds.run(run.input.project(), run.input.runName()),
                run.input.id(),
                run.input.runName(),
                run.priority,
                run.input.submittedAt(),
                wanted,
                waitUntil,
                plan.mayCreate(),
                plan.idleDuration(),
                plan.pins())));
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
    return forCapacity ? run.since.plus(retry.duration()) : null;
  }

  private boolean mayWait(Replica replica) {
    Instant end = windowEnd(replica);
    return end != null && end.isAfter(run.now);
  }

  void answered(FleetAnswer answer) {
    Replica replica = waitingFor(answer.requestId(), answer.fleet());
    if (replica == null || run.terminating()) {
      if (answer instanceof FleetAnswer.Granted && !holds(answer)) {
        run.release(answer.fleet(), answer.requestId());
      }
      return;
    }
    switch (answer) {
      case FleetAnswer.Granted granted -> granted(replica, granted);
      case FleetAnswer.Refused refused -> refused(replica, refused.fleet(), refused.refusals());
      case FleetAnswer.Queued queued -> queued(replica, queued);
    }
  }

  void noSuchFleet(String requestId, FleetRef where) {
    Replica replica = waitingFor(requestId, where);
    if (replica != null) {
      refused(replica, where, List.of(new Refusal("fleet " + where.name(), "does not exist")));
    }
  }

  /** The answer is a copy of the one that its jobs run on. */
  private boolean holds(FleetAnswer answer) {
    return run.replicas.stream()
        .anyMatch(
            replica -> replica.asksFor(answer.requestId()) && answer.fleet().equals(replica.fleet));
  }

  private @Nullable Replica waitingFor(String requestId, FleetRef where) {
    for (Replica replica : run.replicas) {
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

  private void consider(Replica replica, FleetRef where, Outcome outcome, List<Refusal> refusals) {
    replica.consider(new Considered(where, run.now, outcome, refusals));
  }

  private void granted(Replica replica, FleetAnswer.Granted granted) {
    consider(replica, granted.fleet(), Outcome.GRANTED, granted.refusals());
    for (FleetRef other : replica.waitingAt) {
      if (!other.equals(granted.fleet())) {
        run.release(other, granted.requestId());
      }
    }
    replica.waitingAt.clear();
    replica.phase = Phase.ACTIVE;
    replica.fleet = granted.fleet();
    replica.answerBy = null;
    replica.waitUntil = null;
    run.fleet = granted.fleet();
    start.placed(replica, granted.placements());
  }

  private void refused(Replica replica, FleetRef where, List<Refusal> refusals) {
    remember(replica, refusals);
    consider(replica, where, Outcome.REFUSED, refusals);
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
    consider(
        replica,
        queued.fleet(),
        queued.creating() ? Outcome.CREATING : Outcome.QUEUED,
        queued.refusals());
    if (replica.phase == Phase.ASKING) {
      replica.answerBy = run.now.plus(CREATION_DEADLINE);
    }
    String why =
        queued.refusals().stream()
            .map(refusal -> refusal.what() + ": " + refusal.why())
            .reduce((a, b) -> a + "; " + b)
            .orElse("");
    for (JobSlot job : List.copyOf(replica.jobs)) {
      if (!job.shown()) {
        run.shownJobs.add(shown.job(replica, job, SUBMITTED_REVISION, "submitted", why, List.of()));
        replica.put(job.beingShown());
      }
    }
  }

  /** A fleet has not said anything in time. */
  void silent(Replica replica) {
    FleetRef silent = plan.fleets().get(replica.fleetIndex);
    run.release(silent, RunDraft.known(replica.requestId));
    refused(replica, silent, List.of(new Refusal("fleet " + silent.name(), "did not answer")));
  }

  void noCapacity(Replica replica, String message) {
    boolean noFleets = plan.fleets().isEmpty();
    String why = message.isEmpty() ? String.join("; ", replica.refusals) : message;
    boolean hadRetry = windowEnd(replica) != null && !noFleets;
    ending.endUnstarted(
        replica,
        JobTerminationReason.FAILED_TO_START_DUE_TO_NO_CAPACITY,
        why,
        noFleets ? "no fleets" : "no capacity");
    replica.phase = Phase.FAILED;
    RunTerminationReason end =
        hadRetry ? RunTerminationReason.RETRY_LIMIT_EXCEEDED : RunTerminationReason.JOB_FAILED;
    ending.terminate(
        end, noFleets ? "no fleets" : why.isEmpty() ? "no capacity" : "no capacity: " + why);
  }
}
