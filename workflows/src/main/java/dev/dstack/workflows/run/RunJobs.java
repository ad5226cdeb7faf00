package dev.dstack.workflows.run;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobState;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.run.RunPlan.NodesPlan;
import dev.dstack.workflows.run.RunPlan.RetryPlan;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Facts;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** What follows from the news of jobs: the end of a replica, or another attempt. */
final class RunJobs {
  /** After so long a run, the next failure is again a first one. */
  static final Duration GOOD_WHILE = Duration.ofMinutes(10);

  static final List<Duration> BACK_OFF =
      Stream.of(15, 30, 60, 120, 300, 600).map(Duration::ofSeconds).toList();

  /** Above everything that a job's own workflow can have written. */
  private static final long LOST_REVISION = JobState.FIRST_REVISION + 1_000_000;

  private static final int MASTER = 0;

  private final RunDraft run;
  private final RunShown shown;
  private final RunEnding ending;
  private final RunCapacity capacity;
  private final RunStart start;

  RunJobs(RunDraft run, RunShown shown, RunEnding ending, RunCapacity capacity, RunStart start) {
    this.run = run;
    this.shown = shown;
    this.ending = ending;
    this.capacity = capacity;
    this.start = start;
  }

  void reported(JobReport report) {
    for (Replica replica : run.replicas) {
      for (JobSlot job : List.copyOf(replica.jobs)) {
        if (!job.id().equals(report.job()) || report.seq() <= job.seq() || job.status().isFinal()) {
          continue;
        }
        replica.put(job.reported(report));
        if (report.status() == JobStatus.RUNNING && replica.runningAt == null) {
          replica.runningAt = run.now;
        }
        if (report.status().isFinal()) {
          jobEnded(replica, report.job());
        }
        start.due(replica);
      }
    }
  }

  void closed(JobId id) {
    for (Replica replica : run.replicas) {
      for (JobSlot job : List.copyOf(replica.jobs)) {
        if (job.id().equals(id) && job.started() && !job.status().isFinal()) {
          String words = "its workflow ended without a result; was it terminated by hand?";
          JobSlot lost = job.ended(JobTerminationReason.TERMINATED_BY_SERVER, words, null);
          replica.put(lost);
          run.shownJobs.add(
              shown.job(
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
      run.releases.add(
          new RunCommand.Release(
              replica.fleet,
              ReleaseRequest.of(run.input.id(), RunDraft.known(replica.requestId), List.of(id))));
    }
    if (!run.terminating()) {
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
        failed(replica, failed);
      } else if (replica.allJobsFinal()) {
        replica.phase = Phase.DONE;
        ending.releaseReplica(replica);
      } else if (masterDecides() && masterDone(replica)) {
        ending.terminate(RunTerminationReason.ALL_JOBS_DONE, "the master node is done");
      }
    }
    if (replica.phase == Phase.RESTARTING && replica.allJobsFinal()) {
      backOff(replica);
    }
  }

  private boolean masterDecides() {
    NodesPlan nodes = run.plan.nodes();
    return nodes != null
        && switch (nodes.stopCriteria()) {
          case ALL_DONE -> false;
          case MASTER_DONE -> true;
        };
  }

  private static boolean masterDone(Replica replica) {
    return replica.jobs.stream()
        .anyMatch(job -> job.jobNum() == MASTER && job.status() == JobStatus.DONE);
  }

  private void failed(Replica replica, JobSlot failed) {
    RetryPlan retry = run.plan.retry();
    boolean retried =
        retry != null
            && failed.reason() != null
            && failed.reason().retryEvent().filter(retry.onEvents()::contains).isPresent();
    if (!retried) {
      replica.phase = Phase.FAILED;
      String words = failed.message() == null ? "" : failed.message();
      ending.terminate(
          RunTerminationReason.JOB_FAILED,
          failed.jobName() + (words.isEmpty() ? " failed" : ": " + words));
      return;
    }
    replica.phase = Phase.RESTARTING;
    String words = failed.jobName() + " failed and the replica is restarted";
    JobTerminationReason why = JobTerminationReason.TERMINATED_BY_SERVER;
    if (!replica.held.isEmpty()) {
      ending.endUnstarted(replica, why, words, why.shown(null));
    }
    ending.stopJobs(replica, new JobStop(why, words, run.plan.stopDuration()));
  }

  private void backOff(Replica replica) {
    boolean ranWell =
        replica.runningAt != null && !replica.runningAt.plus(GOOD_WHILE).isAfter(run.now);
    replica.attempt = ranWell ? 0 : replica.attempt;
    replica.failedAt = run.now;
    replica.retryAt = run.now.plus(BACK_OFF.get(Math.min(replica.attempt, BACK_OFF.size() - 1)));
    replica.attempt++;
    replica.phase = Phase.BACKING_OFF;
    ending.releaseReplica(replica);
    run.fleet = null;
    run.visible = true;
  }

  void retry(Replica replica) {
    replica.submission++;
    capacity.ask(replica);
    for (JobSlot job : replica.jobs) {
      run.facts.add(
          Facts.fact(
              run.now,
              "Job created on retry. Status: SUBMITTED",
              Facts.job(job.id(), job.jobName())));
    }
    run.visible = true;
  }
}
