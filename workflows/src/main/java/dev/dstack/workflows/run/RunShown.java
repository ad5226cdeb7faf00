package dev.dstack.workflows.run;

import dev.dstack.model.job.JobStatus;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.WhyAttempt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A run, and those of its jobs that have no workflow of their own, as they are shown. */
final class RunShown {
  private final RunDraft run;

  RunShown(RunDraft run) {
    this.run = run;
  }

  /**
   * @param words more about the reason; empty: nothing
   */
  JobView job(
      Replica replica,
      JobSlot job,
      long revision,
      String shownStatus,
      String words,
      List<TimelineEvent> story) {
    return new JobView(
        job.id(),
        run.input.id(),
        run.input.projectId(),
        replica.num,
        job.jobNum(),
        replica.submission,
        job.jobName(),
        revision,
        job.status(),
        shownStatus,
        job.reason(),
        words.isEmpty() ? null : Failures.cut(words),
        job.exitStatus(),
        place(replica, job),
        null,
        null,
        Map.of(),
        replica.submission == 0 ? run.input.submittedAt() : job.submittedAt(),
        run.now,
        null,
        job.status().isFinal() ? run.now : null,
        story);
  }

  private static @Nullable Placement place(Replica replica, JobSlot job) {
    return replica.held.stream().filter(one -> one.job().equals(job.id())).findFirst().orElse(null);
  }

  /** Many nodes are shown together. */
  List<RunCommand> commands(List<JobView> jobs) {
    if (run.plan.nodes() != null && jobs.size() > 1) {
      return List.of(new RunCommand.ShowJobs(jobs));
    }
    List<RunCommand> commands = new ArrayList<>();
    jobs.forEach(job -> commands.add(new RunCommand.ShowJob(job)));
    return commands;
  }

  RunCommand run() {
    return new RunCommand.Show(
        new RunView(
            run.input.id(),
            run.input.projectId(),
            run.revision,
            run.status,
            statusMessage(),
            run.reason,
            error(),
            run.fleet,
            run.now,
            run.nextTriggeredAt,
            run.priority,
            run.deploymentNum,
            run.facts,
            why()));
  }

  /** What has been said since the last time, where there is something to tell. */
  private List<WhyAttempt> why() {
    List<WhyAttempt> why = new ArrayList<>();
    for (Replica replica : run.replicas) {
      WhyAttempt attempt =
          RunWhy.attempt(replica.num, replica.submission, replica.jobs, replica.considered);
      if (replica.untold && !attempt.isPlain()) {
        why.add(attempt);
      }
      replica.untold = false;
    }
    return why;
  }

  private String statusMessage() {
    if (run.status == RunStatus.PENDING && run.nextTriggeredAt == null) {
      boolean retrying = run.replicas.stream().anyMatch(one -> one.phase == Phase.BACKING_OFF);
      return retrying ? "retrying" : "waiting for capacity";
    }
    if (!run.status.isFinal()) {
      return run.status.wire();
    }
    if (run.plan.fleets().isEmpty() && "no fleets".equals(run.message)) {
      return "no fleets";
    }
    List<JobSlot> jobs = run.replicas.stream().flatMap(replica -> replica.jobs.stream()).toList();
    return jobs.stream()
        .filter(job -> job.status() != JobStatus.DONE)
        .findFirst()
        .or(() -> jobs.stream().findFirst())
        .map(job -> job.reason() == null ? null : job.reason().shown(job.exitStatus()))
        .orElse(run.status.wire());
  }

  private @Nullable String error() {
    return switch (run.reason) {
      case RETRY_LIMIT_EXCEEDED -> "retry limit exceeded";
      case SERVER_ERROR -> "server error";
      case GATEWAY_ERROR -> "gateway error";
      case ALL_JOBS_DONE, JOB_FAILED, STOPPED_BY_USER, ABORTED_BY_USER -> null;
      case null -> null;
    };
  }
}
