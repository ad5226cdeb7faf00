package dev.dstack.workflows.run;

import dev.dstack.model.config.Cron;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobWorkflow;
import dev.dstack.workflows.support.EntityLoop;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Projections;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.Signals;
import dev.dstack.workflows.support.Versions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Carries out what {@link RunDecider} decides. */
public final class RunWorkflowImpl implements RunWorkflow {
  /** A job that has made its last report closes at once; this is for one that can't. */
  private static final Duration CLOSING = Duration.ofMinutes(3);

  private final RunInput input;
  private final EntityLoop<RunEvent> loop = new EntityLoop<>("run deadline", RunEvent.Tick::new);
  private final List<Promise<WorkflowExecution>> starting = new ArrayList<>();
  private final Set<JobId> open = new HashSet<>();
  private RunState state;
  private int logic;

  @WorkflowInit
  public RunWorkflowImpl(RunInput input) {
    this.input = input;
    this.state = input.carried() == null ? RunState.initial(input) : input.carried();
    loop.put(new RunEvent.Begin());
  }

  @Override
  public void run(RunInput ignored) {
    logic = Versions.logic();
    CancellationScope.current()
        .getCancellationRequest()
        .thenApply(
            reason -> {
              stop(new RunStop(input.id(), false, "somebody who cancelled the workflow"));
              return reason;
            });
    Workflow.newDetachedCancellationScope(this::live).run();
  }

  private void live() {
    while (!state.status().isFinal()) {
      RunEvent event = loop.next(RunDecider.deadline(state));
      Instant now = event instanceof RunEvent.Tick(Instant at) ? at : EntityLoop.now();
      RunDecider.Decision decision =
          RunDecider.decide(input, state, event, now, Cron::nextAfter, logic);
      RunStatus before = state.status();
      state = decision.state();
      decision.commands().forEach(this::carryOut);
      boolean runs = before != state.status() && state.status() == RunStatus.RUNNING;
      if (runs || state.status().isFinal()) {
        Workflow.upsertTypedSearchAttributes(
            SearchAttributes.STATUS.valueSet(state.status().wire()));
      }
      if (mayContinueAsNew()) {
        Workflow.continueAsNew(
            new RunInput(
                input.id(),
                input.projectId(),
                input.project(),
                input.runName(),
                input.userId(),
                input.user(),
                input.submittedAt(),
                input.plan(),
                state));
      }
    }
    // Their closing is an event of this history: it would come in the way of the completion.
    loop.awaitBriefly(CLOSING, open::isEmpty);
  }

  private boolean mayContinueAsNew() {
    if (state.status().isFinal() || !loop.shouldContinueAsNew()) {
      return false;
    }
    awaitStarts();
    // What has come in meanwhile would be lost.
    return loop.shouldContinueAsNew();
  }

  private void carryOut(RunCommand command) {
    switch (command) {
      case RunCommand.Ask(FleetRef fleet, ReserveRequest request) -> {
        if (!Signals.reserve(WorkflowIds.fleet(fleet.project(), fleet.name()), request)) {
          loop.put(new RunEvent.NoSuchFleet(request.requestId(), fleet));
        }
      }
      case RunCommand.StartJob(JobInput job) -> startJob(job);
      case RunCommand.StopJob stop -> Signals.stopJob(stop.jobWorkflowId(), stop.stop());
      case RunCommand.ShowJob show -> Projections.write(show.view());
      case RunCommand.ShowJobs show -> Projections.write(show.views());
      case RunCommand.Show show -> {
        // Jobs are on their way before anybody is told so.
        awaitStarts();
        Projections.write(show.view());
      }
      case RunCommand.Release release ->
          Signals.release(
              WorkflowIds.fleet(release.fleet().project(), release.fleet().name()),
              release.request());
    }
  }

  private void startJob(JobInput job) {
    io.temporal.common.SearchAttributes attributes =
        io.temporal.common.SearchAttributes.newBuilder()
            .set(SearchAttributes.PROJECT, input.project())
            .set(SearchAttributes.RUN, input.runName())
            .set(SearchAttributes.USER, input.user())
            .set(SearchAttributes.FLEET, job.placement().fleet().name())
            .set(SearchAttributes.BACKEND, job.placement().offer().backend().name())
            .build();
    String workflowId =
        WorkflowIds.job(input.id(), job.replicaNum(), job.jobNum(), job.submissionNum());
    String summary = job.jobName() + " on " + job.placement().instanceName();
    JobWorkflow child =
        Workflow.newChildWorkflowStub(
            JobWorkflow.class, Options.child(workflowId, summary, attributes));
    open.add(job.id());
    Async.procedure(child::run, job)
        .handle(
            (_, _) -> {
              open.remove(job.id());
              if (!state.status().isFinal()) {
                loop.put(new RunEvent.JobClosed(job.id()));
              }
              return null;
            });
    starting.add(Workflow.getWorkflowExecution(child));
  }

  /** A child that has not been started when its parent goes is never started. */
  private void awaitStarts() {
    if (!starting.isEmpty()) {
      Promise.allOf(starting.stream().map(start -> start.exceptionally(_ -> null)).toList()).get();
      starting.clear();
    }
  }

  /** Workflow ids are names, and a name may be used by another run later. */
  @Override
  public void stop(RunStop stop) {
    if (stop.run().equals(input.id())) {
      loop.put(new RunEvent.StopAsked(stop));
    }
  }

  @Override
  public void update(RunUpdate update) {
    if (update.run().equals(input.id())) {
      loop.put(new RunEvent.Updated(update));
    }
  }

  @Override
  public void fleetAnswered(FleetAnswer answer) {
    loop.put(new RunEvent.Answered(answer));
  }

  @Override
  public void jobReported(JobReport report) {
    loop.put(new RunEvent.Reported(report));
  }

  @Override
  public RunState state() {
    return state;
  }

  @Override
  public RunWhy why() {
    return RunWhy.of(input, state);
  }
}
