package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.InstanceInput;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceWorkflow;
import dev.dstack.workflows.instance.OfferSearch;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.support.EntityLoop;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.support.Projections;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.Signals;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.FleetView;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Carries out what {@link FleetDecider} decides. */
public final class FleetWorkflowImpl implements FleetWorkflow {
  /** One workflow task handles this many events; more wait for the next. */
  private static final int BATCH = 100;

  private static final Duration ORPHAN_GRACE = Duration.ofSeconds(30);

  private final FleetInput input;
  private final EntityLoop<FleetEvent> loop =
      new EntityLoop<>("fleet deadline", FleetEvent.Tick::new);
  private final List<Promise<WorkflowExecution>> starting = new ArrayList<>();
  private FleetState state;
  private int logic;

  @WorkflowInit
  public FleetWorkflowImpl(FleetInput input) {
    this.input = input;
    this.state = input.carried() == null ? FleetState.initial(input.plan()) : input.carried();
    loop.put(new FleetEvent.Begin());
  }

  @Override
  public void run(FleetInput ignored) {
    logic = Versions.logic();
    Workflow.newDetachedCancellationScope(this::live).run();
  }

  private void live() {
    while (!state.status().isFinal()) {
      List<FleetEvent> batch = loop.nextBatch(FleetDecider.deadline(state, logic), BATCH);
      Instant now = EntityLoop.now();
      FleetDecider.Decision decision = FleetDecider.decide(input, state, batch, now, logic);
      state = decision.state();
      tell(decision.commands(), decision.view());
      decision.commands().forEach(this::carryOut);
      if (mayContinueAsNew()) {
        Workflow.continueAsNew(
            new FleetInput(
                input.id(),
                input.projectId(),
                input.project(),
                input.name(),
                input.createdAt(),
                state.plan(),
                state));
      }
    }
    refuseTheRest();
    awaitStarts();
    Workflow.upsertTypedSearchAttributes(SearchAttributes.STATUS.valueSet(state.status().wire()));
  }

  /** Who has asked in the fleet's last moment would wait for minutes. */
  private void refuseTheRest() {
    if (logic < Versions.CAPACITY) {
      return;
    }
    FleetRef fleet = new FleetRef(input.id(), input.project(), input.name());
    List<Signals.Answer> answers = new ArrayList<>();
    for (FleetEvent event : loop.rest()) {
      if (event instanceof FleetEvent.Reserve(ReserveRequest request)) {
        FleetAnswer.Refusal gone =
            new FleetAnswer.Refusal("fleet " + input.name(), "has been deleted");
        answers.add(
            new Signals.Answer(
                request.replyTo(),
                new FleetAnswer.Refused(request.requestId(), fleet, List.of(gone))));
      }
    }
    Signals.answer(answers, logic);
  }

  private boolean mayContinueAsNew() {
    if (state.status().isFinal() || !loop.shouldContinueAsNew()) {
      return false;
    }
    awaitStarts();
    // What has come in meanwhile would be lost.
    return loop.shouldContinueAsNew();
  }

  /** Answers and the view go out together: neither waits for the other. */
  private void tell(List<FleetCommand> commands, @Nullable FleetView view) {
    List<Signals.Answer> answers =
        commands.stream()
            .filter(FleetCommand.Answer.class::isInstance)
            .map(FleetCommand.Answer.class::cast)
            .map(one -> new Signals.Answer(one.replyTo(), one.answer()))
            .toList();
    if (view == null) {
      Signals.answer(answers, logic);
    } else if (answers.isEmpty()) {
      Projections.write(view);
    } else {
      Promise<Void> shown = Async.procedure(() -> Projections.write(view));
      Signals.answer(answers, logic);
      shown.get();
    }
  }

  private void carryOut(FleetCommand command) {
    switch (command) {
      case FleetCommand.Answer _ -> {
        // Sent with all the others.
      }
      case FleetCommand.StartInstance start -> startInstance(start);
      case FleetCommand.TerminateInstance terminate ->
          Signals.terminateInstance(WorkflowIds.instance(terminate.id()), terminate.termination());
      case FleetCommand.FindOffers(OfferSearch search) -> findOffers(search);
      case FleetCommand.FindClosed(List<String> workflowIds) -> findClosed(workflowIds);
      case FleetCommand.StopJob(String jobWorkflowId) ->
          Signals.stopJob(
              jobWorkflowId,
              new JobStop(
                  JobTerminationReason.TERMINATED_BY_SERVER, "its run is over", ORPHAN_GRACE));
    }
  }

  private void startInstance(FleetCommand.StartInstance start) {
    io.temporal.common.SearchAttributes attributes =
        io.temporal.common.SearchAttributes.newBuilder()
            .set(SearchAttributes.PROJECT, input.project())
            .set(SearchAttributes.FLEET, input.name())
            .set(SearchAttributes.BACKEND, start.offer().backend().name())
            .build();
    String summary = start.name() + ": " + start.offer().instanceType();
    InstanceWorkflow child =
        Workflow.newChildWorkflowStub(
            InstanceWorkflow.class,
            Options.child(WorkflowIds.instance(start.id()), summary, attributes));
    Async.procedure(
            child::run,
            new InstanceInput(
                start.id(),
                input.projectId(),
                input.project(),
                input.id(),
                input.name(),
                WorkflowIds.fleet(input.project(), input.name()),
                start.number(),
                start.name(),
                start.offer(),
                EntityLoop.now(),
                null))
        .handle(
            (_, _) -> {
              loop.put(new FleetEvent.InstanceClosed(start.serial()));
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

  /** One backend that does not answer does not hold back the others. */
  private void findOffers(@Nullable OfferSearch search) {
    loop.callStarted();
    List<BackendType> backends = new ArrayList<>();
    if (search != null && search.backend() != null) {
      backends.add(search.backend());
    } else {
      backends.add(state.plan().backend());
      backends.addAll(state.plan().otherBackends());
    }
    List<Offer> found = new ArrayList<>();
    List<Refusal> refused = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    List<Promise<Boolean>> calls = new ArrayList<>();
    for (BackendType backend : backends) {
      calls.add(
          offers(backend, search)
              .handle(
                  (offers, failure) -> {
                    if (failure == null) {
                      refused.addAll(offers.refused());
                      return found.addAll(offers.offers());
                    }
                    String why = Failures.message(failure);
                    refused.add(new Refusal("backend " + backend, "can't be asked: " + why));
                    return failures.add(why);
                  }));
    }
    Promise.allOf(calls)
        .handle(
            (_, _) -> {
              loop.callEnded(
                  found.isEmpty() && !failures.isEmpty()
                      ? new FleetEvent.OffersFailed(search, String.join("; ", failures))
                      : new FleetEvent.OffersFound(
                          search, new FoundOffers(cheapestFirst(found), refused)));
              return null;
            });
  }

  private Promise<FoundOffers> offers(BackendType backend, @Nullable OfferSearch search) {
    CloudActivities cloud =
        Workflow.newActivityStub(
            CloudActivities.class, Options.of(Call.CLOUD_OFFERS, "offers of backend " + backend));
    return search == null
        ? Async.function(cloud::offers, input.projectId(), backend, state.plan().requirements())
            .thenApply(offers -> new FoundOffers(offers, List.of()))
        : Async.function(cloud::findOffers, input.projectId(), backend, search);
  }

  private static List<Offer> cheapestFirst(List<Offer> offers) {
    return offers.stream().sorted(Comparator.comparingDouble(Offer::price)).toList();
  }

  private void findClosed(List<String> workflowIds) {
    loop.callStarted();
    Signals.closed(workflowIds)
        .handle(
            (closed, failure) -> {
              // Nobody is known to be gone when nobody could be asked.
              loop.callEnded(new FleetEvent.OwnersClosed(failure == null ? closed : List.of()));
              return null;
            });
  }

  @Override
  public void reserve(ReserveRequest request) {
    loop.put(new FleetEvent.Reserve(request));
  }

  @Override
  public void release(ReleaseRequest request) {
    loop.put(new FleetEvent.Release(request));
  }

  @Override
  public void instanceReported(InstanceReport report) {
    loop.put(new FleetEvent.Reported(report));
  }

  @Override
  public void reconfigure(FleetPlan plan) {
    loop.put(new FleetEvent.Reconfigure(plan));
  }

  @Override
  public void deleteInstances(InstanceRemoval removal) {
    loop.put(new FleetEvent.DeleteInstances(removal));
  }

  @Override
  public void delete() {
    loop.put(new FleetEvent.Delete());
  }

  @Override
  public FleetState state() {
    return state;
  }

  @Override
  public FleetWhy why(RunId run) {
    return Explanation.of(input, state, run, EntityLoop.now(), logic);
  }
}
