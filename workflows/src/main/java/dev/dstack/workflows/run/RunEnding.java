package dev.dstack.workflows.run;

import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;

/** How a run, and each of its jobs, comes to its end. */
final class RunEnding {
  private static final long NEVER_STARTED_REVISION = 5;

  private final RunDraft run;
  private final RunShown shown;

  RunEnding(RunDraft run, RunShown shown) {
    this.run = run;
    this.shown = shown;
  }

  void stopAsked(RunStop stop) {
    RunTerminationReason wanted =
        stop.abort() ? RunTerminationReason.ABORTED_BY_USER : RunTerminationReason.STOPPED_BY_USER;
    if (run.terminating() && goesOnLater() && run.logic >= Versions.CAPACITY) {
      run.reason = wanted;
      run.message = byWhom(stop);
      run.visible = true;
      run.facts.add(
          Facts.fact(run.now, "Run does not wait for its next time: " + run.message, run.target()));
      if (stop.abort()) {
        run.replicas.forEach(replica -> stopJobs(replica, jobStop(wanted, byWhom(stop))));
      }
      return;
    }
    boolean harder = run.terminating() && stop.abort() && run.reason != wanted;
    if (harder) {
      run.reason = wanted;
      run.visible = true;
      run.facts.add(Facts.fact(run.now, "Run is aborted while it stops", run.target()));
      run.replicas.forEach(replica -> stopJobs(replica, jobStop(wanted, byWhom(stop))));
    } else {
      terminate(wanted, byWhom(stop));
    }
  }

  /** Only this execution is ending, and a schedule has further ones. */
  private boolean goesOnLater() {
    return !run.plan.cron().isEmpty() && !RunDraft.known(run.reason).byUser();
  }

  private static String byWhom(RunStop stop) {
    return (stop.abort() ? "aborted" : "stopped") + " by " + stop.user();
  }

  private JobStop jobStop(RunTerminationReason why, String words) {
    boolean abort = why == RunTerminationReason.ABORTED_BY_USER;
    return new JobStop(why.jobReason(), words, abort ? Duration.ZERO : run.plan.stopDuration());
  }

  void terminate(RunTerminationReason why, String words) {
    if (run.terminating()) {
      return;
    }
    run.reason = why;
    run.message = words.isEmpty() ? null : Failures.cut(words);
    run.nextTriggeredAt = null;
    run.to(RunStatus.TERMINATING, why);
    for (Replica replica : run.replicas) {
      if (replica.unplaced()) {
        replica.answerBy = null;
      }
      if (replica.unplaced() || !replica.held.isEmpty()) {
        endUnstarted(replica, why.jobReason(), words, why.jobReason().shown(null));
      }
      stopJobs(replica, jobStop(why, words));
    }
  }

  void stopJobs(Replica replica, JobStop stop) {
    for (JobSlot job : List.copyOf(replica.jobs)) {
      boolean harder = job.stopping() && stop.grace().isZero();
      if (job.started() && !job.status().isFinal() && (!job.stopping() || harder)) {
        replica.put(job.beingStopped());
        run.actions.add(
            new RunCommand.StopJob(
                WorkflowIds.job(run.input.id(), replica.num, job.jobNum(), replica.submission),
                stop));
      }
    }
  }

  /** There is no workflow that could show the end of these jobs. */
  void endUnstarted(Replica replica, JobTerminationReason why, String words, String shownStatus) {
    for (JobSlot job : List.copyOf(replica.jobs)) {
      if (job.started() || job.status().isFinal()) {
        continue;
      }
      JobSlot ended = job.ended(why, words, null);
      replica.put(ended);
      TimelineEvent.Target target = Facts.job(job.id(), job.jobName());
      List<TimelineEvent> story =
          List.of(
              Facts.statusChanged(run.now, "Job", job.status(), JobStatus.TERMINATING, why, target),
              Facts.statusChanged(
                  run.now, "Job", JobStatus.TERMINATING, ended.status(), null, target));
      run.shownJobs.add(
          shown.job(replica, ended, NEVER_STARTED_REVISION, shownStatus, words, story));
    }
    replica.held.clear();
  }

  /** What the end of the whole run gives back at once need not be given back before. */
  void releaseReplica(Replica replica) {
    boolean runGoesOn = run.replicas.size() > 1 || replica.phase == Phase.BACKING_OFF;
    if (replica.fleet != null && runGoesOn) {
      run.release(replica.fleet, RunDraft.known(replica.requestId));
    }
  }

  /** All jobs have ended. */
  void finish(BiFunction<List<String>, Instant, Optional<Instant>> cron) {
    RunTerminationReason why = RunDraft.known(run.reason);
    for (FleetRef where : run.asked) {
      Replica only = run.replicas.size() == 1 ? run.replicas.getFirst() : null;
      run.release(where, only == null ? null : only.requestId);
    }
    run.asked.clear();
    if (!run.plan.cron().isEmpty() && !why.byUser()) {
      Optional<Instant> next = cron.apply(run.plan.cron(), run.now);
      if (next.isPresent()) {
        run.replicas = new ArrayList<>();
        run.fleet = null;
        run.reason = null;
        run.to(RunStatus.PENDING, null);
        run.nextTriggeredAt = next.get();
        return;
      }
    }
    run.to(why.finalStatus(), null);
  }
}
