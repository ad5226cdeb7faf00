package dev.dstack.workflows.instance;

import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import dev.dstack.workflows.support.EntityLoop;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.support.Projections;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.Signals;
import dev.dstack.workflows.support.Versions;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Instant;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Carries out what {@link InstanceDecider} decides. */
public final class InstanceWorkflowImpl implements InstanceWorkflow {
  /** A new offer is a new instance, so each has one attempt. */
  private static final int ATTEMPT = 1;

  private final InstanceInput input;
  private final EntityLoop<InstanceEvent> loop =
      new EntityLoop<>("instance deadline", InstanceEvent.Tick::new);
  private InstanceState state;
  private @Nullable CancellationScope provisioning;
  private @Nullable CancellationScope watch;
  private boolean reviving;
  private int logic;

  @WorkflowInit
  public InstanceWorkflowImpl(InstanceInput input) {
    this.input = input;
    this.state = input.carried() == null ? InstanceState.initial(input) : input.carried();
    loop.put(new InstanceEvent.Begin());
  }

  @Override
  public void run(InstanceInput ignored) {
    logic = Versions.logic();
    CancellationScope.current()
        .getCancellationRequest()
        .thenApply(
            reason -> {
              terminate(
                  new InstanceTermination(
                      InstanceTerminationReason.TERMINATED_BY_USER, "its workflow was cancelled"));
              return reason;
            });
    Workflow.newDetachedCancellationScope(this::live).run();
  }

  private void live() {
    while (state.phase() != InstanceState.Phase.GONE) {
      InstanceEvent event = loop.next(InstanceDecider.deadline(state));
      Instant now = event instanceof InstanceEvent.Tick(Instant at) ? at : EntityLoop.now();
      InstanceDecider.Decision decision = InstanceDecider.decide(input, state, event, now, logic);
      boolean escalated =
          state.escalateAt() != null
              && decision.state().escalateAt() == null
              && decision.state().phase() == InstanceState.Phase.TERMINATING;
      state = decision.state();
      if (escalated) {
        Workflow.getMetricsScope().counter("dstack_termination_escalations").inc(1);
      }
      decision.commands().forEach(this::carryOut);
      // A watch is a read and may be dropped; creating and terminating may not.
      boolean resting =
          state.phase() == InstanceState.Phase.READY
              || (state.phase() == InstanceState.Phase.UNREACHABLE && !reviving);
      if (resting && loop.shouldContinueAsNew()) {
        Workflow.continueAsNew(
            new InstanceInput(
                input.id(),
                input.projectId(),
                input.project(),
                input.fleetId(),
                input.fleetName(),
                input.fleetWorkflowId(),
                input.number(),
                input.name(),
                input.offer(),
                input.createdAt(),
                state));
      }
    }
    Workflow.upsertTypedSearchAttributes(SearchAttributes.STATUS.valueSet(state.status().wire()));
  }

  private void carryOut(InstanceCommand command) {
    switch (command) {
      case InstanceCommand.Create _ ->
          provisioning =
              provision(
                  () ->
                      Async.function(
                              cloud(Call.CLOUD_CREATE, "create or adopt " + input.name())
                                  ::ensureMachine,
                              order())
                          .thenApply(InstanceEvent.Created::new));
      case InstanceCommand.AwaitHost _ ->
          provisioning =
              provision(
                  () ->
                      Async.function(
                              cloud(
                                      Call.CLOUD_POLL,
                                      "wait until the agent of " + input.name() + " answers")
                                  ::awaitHost,
                              order())
                          .thenApply(InstanceEvent.HostUp::new));
      case InstanceCommand.CancelProvisioning _ -> cancel(provisioning);
      case InstanceCommand.WatchHost(boolean reachable) -> watchHost(reachable);
      case InstanceCommand.CancelWatch _ -> cancel(watch);
      case InstanceCommand.Revive _ -> revive();
      case InstanceCommand.Terminate _ ->
          Async.procedure(
                  cloud(Call.CLOUD_UNDO, "terminate " + input.name())::terminateMachine, order())
              .handle(
                  (_, failure) -> {
                    loop.put(
                        failure == null
                            ? new InstanceEvent.Terminated()
                            : new InstanceEvent.TerminationFailed(Failures.message(failure)));
                    return null;
                  });
      case InstanceCommand.Show show -> Projections.write(show.view());
      case InstanceCommand.Tell tell ->
          Signals.instanceReported(input.fleetWorkflowId(), tell.report());
    }
  }

  private CancellationScope provision(Supplier<Promise<? extends InstanceEvent>> call) {
    return call(
        call,
        failure ->
            Failures.isCanceled(failure)
                ? new InstanceEvent.ProvisioningCanceled()
                : new InstanceEvent.ProvisioningFailed(
                    Failures.kind(failure), Failures.message(failure)));
  }

  private void watchHost(boolean reachable) {
    String summary = "watch " + input.name() + (reachable ? "" : ", which is unreachable");
    watch =
        call(
            () ->
                Async.function(
                        cloud(Call.WATCH_HOST, summary)::watchHost,
                        order(),
                        reachable,
                        Boolean.valueOf(state.unfit() == null))
                    .thenApply(InstanceEvent.HostChanged::new),
            failure -> new InstanceEvent.WatchFailed(Failures.message(failure)));
  }

  private void revive() {
    reviving = true;
    Async.function(cloud(Call.CLOUD_CREATE, "bring back " + input.name())::ensureMachine, order())
        .handle(
            (_, failure) -> {
              reviving = false;
              loop.put(
                  new InstanceEvent.Revived(
                      failure == null, failure == null ? "" : Failures.message(failure)));
              return null;
            });
  }

  private CancellationScope call(
      Supplier<Promise<? extends InstanceEvent>> call,
      Function<RuntimeException, InstanceEvent> failed) {
    CancellationScope scope =
        Workflow.newCancellationScope(
            () ->
                call.get()
                    .handle(
                        (event, failure) -> {
                          loop.put(failure == null ? event : failed.apply(failure));
                          return event;
                        }));
    scope.run();
    return scope;
  }

  private static void cancel(@Nullable CancellationScope call) {
    if (call != null) {
      call.cancel();
    }
  }

  private MachineOrder order() {
    return new MachineOrder(
        input.id(),
        ATTEMPT,
        input.name(),
        input.projectId(),
        input.project(),
        input.offer(),
        input.fleetId());
  }

  private static CloudActivities cloud(Call call, String summary) {
    return Workflow.newActivityStub(CloudActivities.class, Options.of(call, summary));
  }

  @Override
  public void terminate(InstanceTermination termination) {
    loop.put(new InstanceEvent.TerminationAsked(termination));
  }

  @Override
  public InstanceState state() {
    return state;
  }
}
