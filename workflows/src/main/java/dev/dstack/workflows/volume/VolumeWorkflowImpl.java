package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.support.EntityLoop;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.support.Projections;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.Signals;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Order;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Carries out what {@link VolumeDecider} decides. */
public final class VolumeWorkflowImpl implements VolumeWorkflow {
  private final VolumeInput input;
  private final Order order;
  private final EntityLoop<VolumeEvent> loop =
      new EntityLoop<>("volume deadline", VolumeEvent.Tick::new);
  private final Map<InstanceId, CancellationScope> calls = new HashMap<>();
  private VolumeState state;
  private @Nullable CancellationScope making;

  @WorkflowInit
  public VolumeWorkflowImpl(VolumeInput input) {
    this.input = input;
    this.order =
        new Order(input.id(), input.projectId(), input.project(), input.name(), input.plan());
    this.state = input.carried() == null ? VolumeState.initial(input.createdAt()) : input.carried();
    loop.put(new VolumeEvent.Begin());
  }

  @Override
  public void run(VolumeInput ignored) {
    Versions.logic();
    Workflow.newDetachedCancellationScope(this::live).run();
  }

  private void live() {
    while (state.phase() != VolumeState.Phase.DELETED) {
      VolumeEvent event = loop.next(VolumeDecider.deadline(input, state));
      Instant now = event instanceof VolumeEvent.Tick(Instant at) ? at : EntityLoop.now();
      VolumeDecider.Decision decision = VolumeDecider.decide(input, state, event, now);
      VolumeState.Phase before = state.phase();
      state = decision.state();
      decision.commands().forEach(this::carryOut);
      if (state.phase() != before && state.phase() != VolumeState.Phase.DELETED) {
        showPhase();
      }
      if (state.phase() != VolumeState.Phase.DELETED && loop.shouldContinueAsNew()) {
        Workflow.continueAsNew(
            new VolumeInput(
                input.id(),
                input.projectId(),
                input.project(),
                input.name(),
                input.createdAt(),
                input.plan(),
                state));
      }
    }
    showPhase();
  }

  private void showPhase() {
    Workflow.upsertTypedSearchAttributes(
        SearchAttributes.STATUS.valueSet(state.phase().name().toLowerCase(Locale.ROOT)));
  }

  private void carryOut(VolumeCommand command) {
    switch (command) {
      case VolumeCommand.Ensure _ -> ensure();
      case VolumeCommand.CancelEnsure _ -> cancel(making);
      case VolumeCommand.AttachTo(AttachRequest.Host host) -> attachTo(host);
      case VolumeCommand.DetachFrom(AttachRequest.Host host, boolean force) ->
          detachFrom(host, force);
      case VolumeCommand.CancelAttach(InstanceId instance) -> cancel(calls.get(instance));
      case VolumeCommand.CancelDetach(InstanceId instance) -> cancel(calls.get(instance));
      case VolumeCommand.DeleteAtProvider _ -> deleteAtProvider();
      case VolumeCommand.FindClosed(List<String> workflowIds) -> findClosed(workflowIds);
      case VolumeCommand.Show show -> Projections.write(show.view());
    }
  }

  private void ensure() {
    String what = input.plan().existing() == null ? "create " : "register ";
    making =
        call(
            () ->
                Async.function(cloud(Call.CLOUD_CREATE, what + input.name())::ensure, order)
                    .thenApply(VolumeEvent.Ready::new),
            failure -> new VolumeEvent.NotMade(Failures.kind(failure), Failures.message(failure)));
  }

  private void attachTo(AttachRequest.Host host) {
    InstanceId instance = host.instance();
    calls.put(
        instance,
        call(
            () ->
                Async.function(
                        cloud(Call.VOLUME, "attach to " + host.name())::attachTo,
                        order,
                        made(),
                        instance)
                    .thenApply(mounted -> new VolumeEvent.Attached(instance, mounted)),
            failure -> notAttached(instance, failure)));
  }

  private static VolumeEvent notAttached(InstanceId instance, RuntimeException failure) {
    return Failures.isCanceled(failure)
        ? new VolumeEvent.NotAttached(instance, ErrorKind.TIMED_OUT, "nobody wants it any more")
        : new VolumeEvent.NotAttached(instance, Failures.kind(failure), Failures.message(failure));
  }

  private void detachFrom(AttachRequest.Host host, boolean force) {
    InstanceId instance = host.instance();
    String summary = "detach from " + host.name() + (force ? " by force" : "");
    calls.put(
        instance,
        call(
            () ->
                Async.procedure(
                        cloud(Call.CLOUD_UNDO, summary)::detachFrom, order, made(), instance, force)
                    .thenApply(_ -> new VolumeEvent.Detached(instance)),
            failure ->
                new VolumeEvent.NotDetached(
                    instance,
                    force,
                    Failures.isCanceled(failure)
                        ? "the machine does not let go of it"
                        : Failures.message(failure))));
  }

  private void deleteAtProvider() {
    call(
        () ->
            Async.procedure(cloud(Call.CLOUD_UNDO, "delete " + input.name())::delete, order)
                .thenApply(_ -> new VolumeEvent.Deleted()),
        failure -> new VolumeEvent.NotDeleted(Failures.message(failure)));
  }

  private void findClosed(List<String> workflowIds) {
    loop.callStarted();
    Signals.closed(workflowIds)
        .handle(
            (closed, failure) -> {
              // Nobody is known to be gone when nobody could be asked.
              loop.callEnded(new VolumeEvent.OwnersClosed(failure == null ? closed : List.of()));
              return null;
            });
  }

  private Made made() {
    Made made = state.made();
    if (made == null) {
      throw new IllegalStateException("there is no volume yet");
    }
    return made;
  }

  private CancellationScope call(
      Supplier<Promise<? extends VolumeEvent>> call,
      Function<RuntimeException, VolumeEvent> failed) {
    loop.callStarted();
    CancellationScope scope =
        Workflow.newCancellationScope(
            () ->
                call.get()
                    .handle(
                        (event, failure) -> {
                          loop.callEnded(failure == null ? event : failed.apply(failure));
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

  private static VolumeCloudActivities cloud(Call call, String summary) {
    return Workflow.newActivityStub(VolumeCloudActivities.class, Options.of(call, summary));
  }

  @Override
  public void attach(AttachRequest request) {
    loop.put(new VolumeEvent.Attach(request));
  }

  @Override
  public void detach(JobId job) {
    loop.put(new VolumeEvent.Detach(job));
  }

  @Override
  public void delete() {
    loop.put(new VolumeEvent.Delete());
  }

  @Override
  public VolumeAnswer answer(JobId job) {
    return VolumeDecider.answer(input, state, job);
  }

  @Override
  public VolumeState state() {
    return state;
  }
}
