package dev.dstack.workflows.run;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.run.RunDraft.Replica;
import dev.dstack.workflows.run.RunPlan.JobPlan;
import dev.dstack.workflows.run.RunPlan.NodesPlan;
import dev.dstack.workflows.run.RunState.JobSlot;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.support.Facts;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Starts the jobs of a replica that has its instances: at once, or in the order of its nodes. */
final class RunStart {
  /** The run has shown where the node is, its own workflow shows it from its next step on. */
  private static final long PLACED_REVISION = 3;

  private static final int MASTER = 0;

  private final RunDraft run;
  private final RunShown shown;

  RunStart(RunDraft run, RunShown shown) {
    this.run = run;
    this.shown = shown;
  }

  void placed(Replica replica, List<Placement> placements) {
    Map<JobId, Placement> byJob = new HashMap<>();
    placements.forEach(one -> byJob.put(one.job(), one));
    List<Placement> ordered = new ArrayList<>();
    for (JobSlot job : replica.jobs) {
      Placement placement = byJob.get(job.id());
      if (placement == null) {
        throw new IllegalStateException("no placement for " + job.jobName());
      }
      ordered.add(placement);
    }
    replica.held = ordered;
    if (run.plan.nodes() != null) {
      show(replica);
    }
    due(replica);
  }

  /** Each node finds the others by what is shown, so all are shown before the first one starts. */
  private void show(Replica replica) {
    for (JobSlot job : List.copyOf(replica.jobs)) {
      JobSlot next = job.in(JobStatus.PROVISIONING, false);
      replica.put(next);
      run.placedJobs.add(
          shown.job(
              replica,
              next,
              PLACED_REVISION,
              JobStatus.PROVISIONING.wire(),
              "",
              List.of(
                  Facts.statusChanged(
                      run.now,
                      "Job",
                      job.status(),
                      JobStatus.PROVISIONING,
                      null,
                      Facts.job(job.id(), job.jobName())))));
    }
  }

  /** Starts what has waited for others. */
  void due(Replica replica) {
    if (replica.held.isEmpty() || replica.phase != Phase.ACTIVE || run.terminating()) {
      return;
    }
    Map<JobId, JobSlot> slots = new HashMap<>();
    replica.jobs.forEach(job -> slots.put(job.id(), job));
    Map<Integer, JobPlan> plans = new HashMap<>();
    run.jobs(replica).forEach(job -> plans.put(job.jobNum(), job));
    List<Placement> waiting = new ArrayList<>();
    List<Placement> starting = new ArrayList<>();
    boolean master = mayStartMaster(replica);
    boolean workers = mayStartWorkers(replica);
    for (Placement placement : replica.held) {
      JobSlot job = RunDraft.known(slots.get(placement.job()));
      boolean now = job.jobNum() == MASTER ? master : workers;
      (now ? starting : waiting).add(placement);
    }
    for (Placement placement : starting) {
      JobSlot job = RunDraft.known(slots.get(placement.job()));
      JobPlan plan = RunDraft.known(plans.get(job.jobNum()));
      run.actions.add(new RunCommand.StartJob(input(replica, plan, job, placement)));
    }
    replica.held = waiting;
    replica.jobs.replaceAll(
        job ->
            job.started() || waiting.stream().anyMatch(one -> one.job().equals(job.id()))
                ? job
                : job.in(JobStatus.PROVISIONING, true));
  }

  private boolean mayStartMaster(Replica replica) {
    NodesPlan nodes = run.plan.nodes();
    return nodes == null
        || switch (nodes.startupOrder()) {
          case ANY, MASTER_FIRST -> true;
          case WORKERS_FIRST ->
              replica.jobs.stream().allMatch(job -> job.jobNum() == MASTER || hasRun(job));
        };
  }

  private boolean mayStartWorkers(Replica replica) {
    NodesPlan nodes = run.plan.nodes();
    return nodes == null
        || switch (nodes.startupOrder()) {
          case ANY, WORKERS_FIRST -> true;
          case MASTER_FIRST ->
              replica.jobs.stream().anyMatch(job -> job.jobNum() == MASTER && hasRun(job));
        };
  }

  /** One that has done its work already keeps nobody waiting. */
  private static boolean hasRun(JobSlot job) {
    return job.status() == JobStatus.RUNNING || job.status() == JobStatus.DONE;
  }

  private JobInput input(Replica replica, JobPlan plan, JobSlot job, Placement placement) {
    RunInput input = run.input;
    Instant submittedAt = replica.submission == 0 ? input.submittedAt() : job.submittedAt();
    return new JobInput(
        job.id(),
        input.id(),
        WorkflowIds.run(input.project(), input.runName()),
        input.projectId(),
        input.project(),
        input.runName(),
        input.user(),
        replica.num,
        plan.jobNum(),
        replica.submission,
        plan.jobName(),
        submittedAt,
        placement,
        run.plan.stopDuration(),
        run.plan.maxDuration(),
        plan.volumes(),
        run.plan.nodes() == null ? null : Boolean.TRUE);
  }
}
