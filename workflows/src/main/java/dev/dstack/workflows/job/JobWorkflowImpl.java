package dev.dstack.workflows.job;

import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.support.EntityLoop;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.support.Projections;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.Signals;
import dev.dstack.workflows.support.Undo;
import dev.dstack.workflows.support.Versions;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Carries out what {@link JobDecider} decides. */
public final class JobWorkflowImpl implements JobWorkflow {
  private final JobInput input;
  private final TaskRef task;
  private final Undo undo = new Undo();
  private final EntityLoop<JobEvent> loop = new EntityLoop<>("job deadline", JobEvent.Tick::new);
  private JobState state = JobState.initial();
  private @Nullable CancellationScope attaching;
  private @Nullable CancellationScope submission;
  private @Nullable CancellationScope watch;

  @WorkflowInit
  public JobWorkflowImpl(JobInput input) {
    this.input = input;
    this.task =
        new TaskRef(
            input.id(),
            input.run(),
            input.projectId(),
            input.project(),
            input.runName(),
            input.replicaNum(),
            input.jobNum(),
            input.placement().instance(),
            input.node() ? input.submissionNum() : null);
    loop.put(new JobEvent.Begin());
  }

  @Override
  public void run(JobInput ignored) {
    Versions.logic();
    CancellationScope.current()
        .getCancellationRequest()
        .thenApply(
            reason -> {
              stop(
                  new JobStop(
                      JobTerminationReason.TERMINATED_BY_SERVER,
                      "its workflow was cancelled",
                      input.stopDuration()));
              return reason;
            });
    Workflow.newDetachedCancellationScope(this::live).run();
  }

  private void live() {
    while (state.phase() != JobState.Phase.ENDED) {
      JobEvent event = loop.next(state.deadline());
      Instant now = event instanceof JobEvent.Tick(Instant at) ? at : EntityLoop.now();
      JobDecider.Decision decision = JobDecider.decide(input, state, event, now);
      state = decision.state();
      decision.commands().forEach(this::carryOut);
    }
    Workflow.upsertTypedSearchAttributes(SearchAttributes.STATUS.valueSet(state.status().wire()));
  }

  private void carryOut(JobCommand command) {
    switch (command) {
      case JobCommand.AttachVolumes _ -> attachVolumes();
      case JobCommand.CancelAttach _ -> cancel(attaching);
      case JobCommand.Submit _ -> submit();
      case JobCommand.CancelSubmit _ -> cancel(submission);
      case JobCommand.Watch(long sinceSeq) -> watch(sinceSeq);
      case JobCommand.CancelWatch _ -> cancel(watch);
      case JobCommand.AskAgentToStop(JobTerminationReason reason, Duration grace) ->
          askAgentToStop(reason, grace);
      case JobCommand.CleanUp _ -> loop.put(new JobEvent.Cleaned(undo.run()));
      case JobCommand.Show show -> Projections.write(show.view());
      case JobCommand.Tell tell -> Signals.jobReported(input.runWorkflowId(), tell.report());
    }
  }

  private void attachVolumes() {
    String volumes = String.join(", ", input.volumes());
    undo.register(
        "detach volumes",
        () -> volumes(Call.VOLUME_UNDO, "detach " + volumes).detachVolumes(task, input.volumes()));
    attaching =
        call(
            () ->
                Async.procedure(
                        volumes(Call.VOLUME, "attach " + volumes)::attachVolumes,
                        task,
                        input.volumes())
                    .thenApply(_ -> new JobEvent.Attached()),
            failure -> new JobEvent.AttachFailed(Failures.message(failure)));
  }

  private void submit() {
    undo.register(
        "remove task",
        () -> agent(Call.AGENT_CALL, "remove the task from its host").removeTask(task));
    String summary = "start " + input.jobName() + " on " + input.placement().instanceName();
    submission =
        call(
            () ->
                Async.function(agent(Call.AGENT_CALL, summary)::submitTask, task)
                    .thenApply(JobEvent.News::new),
            failure ->
                Failures.isCanceled(failure)
                    ? new JobEvent.SubmitCanceled()
                    : new JobEvent.SubmitFailed(Failures.kind(failure), Failures.message(failure)));
  }

  private void watch(long sinceSeq) {
    String summary = "watch " + input.jobName() + " until it changes, collect its log";
    watch =
        call(
            () ->
                Async.function(
                        agent(Call.WATCH_TASK, summary)::watchTask,
                        task,
                        sinceSeq,
                        state.stop() != null)
                    .thenApply(JobEvent.News::new),
            failure -> new JobEvent.WatchFailed(Failures.message(failure)));
  }

  /** Its own short call: a cancelled heartbeat would arrive half a minute late. */
  private void askAgentToStop(JobTerminationReason reason, Duration grace) {
    String summary = "stop " + input.jobName() + ": " + reason.wire();
    Async.function(agent(Call.AGENT_CALL, summary)::stopTask, task, reason, grace)
        // The watch tells the end; where the agent can't be reached, the deadline does.
        .exceptionally(_ -> false);
  }

  private CancellationScope call(
      Supplier<Promise<? extends JobEvent>> call, Function<RuntimeException, JobEvent> failed) {
    return start(
        () ->
            call.get()
                .handle(
                    (event, failure) -> {
                      loop.put(failure == null ? event : failed.apply(failure));
                      return event;
                    }));
  }

  private static CancellationScope start(Runnable call) {
    CancellationScope scope = Workflow.newCancellationScope(call);
    scope.run();
    return scope;
  }

  private static void cancel(@Nullable CancellationScope call) {
    if (call != null) {
      call.cancel();
    }
  }

  private static AgentActivities agent(Call call, String summary) {
    return Workflow.newActivityStub(AgentActivities.class, Options.of(call, summary));
  }

  private static VolumeActivities volumes(Call call, String summary) {
    return Workflow.newActivityStub(VolumeActivities.class, Options.of(call, summary));
  }

  @Override
  public void stop(JobStop stop) {
    loop.put(new JobEvent.StopAsked(stop));
  }

  @Override
  public JobState state() {
    return state;
  }
}
