package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.instance.InstanceInput;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.simulation.Actor;
import dev.dstack.workflows.view.FleetView;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The real decider of a fleet; its commands go to the simulated world. */
public final class FleetActor implements Actor {
  /** Where commands go. */
  public interface World {
    void answer(FleetActor from, String replyTo, FleetAnswer answer);

    void startInstance(FleetActor from, int serial, InstanceInput input);

    void terminateInstance(FleetActor from, InstanceId instance, InstanceTermination why);

    void findOffers(FleetActor from);

    void findClosed(FleetActor from, List<String> workflowIds);

    void stopJob(FleetActor from, String jobWorkflowId);

    void shown(FleetView view);
  }

  private final FleetInput input;
  private final World world;
  private final Map<Integer, InstanceId> ids = new HashMap<>();
  private FleetState state;

  public FleetActor(FleetInput input, World world) {
    this.input = input;
    this.world = world;
    this.state = FleetState.initial(input.plan());
  }

  @Override
  public String id() {
    return WorkflowIds.fleet(input.project(), input.name());
  }

  @Override
  public @Nullable Instant deadline() {
    return FleetDecider.deadline(state);
  }

  @Override
  public void tick(Instant deadline, Instant now) {
    feed(new FleetEvent.Tick(deadline), now);
  }

  @Override
  public boolean closed() {
    return state.status().isFinal();
  }

  public FleetRef ref() {
    return new FleetRef(input.id(), input.project(), input.name());
  }

  public FleetPlan plan() {
    return state.plan();
  }

  public void begin(Instant now) {
    feed(new FleetEvent.Begin(), now);
  }

  public void reserve(ReserveRequest request, Instant now) {
    feed(new FleetEvent.Reserve(request), now);
  }

  public void release(ReleaseRequest request, Instant now) {
    feed(new FleetEvent.Release(request), now);
  }

  public void reported(InstanceReport report, Instant now) {
    feed(new FleetEvent.Reported(report), now);
  }

  public void instanceClosed(int serial, Instant now) {
    feed(new FleetEvent.InstanceClosed(serial), now);
  }

  public void reconfigure(FleetPlan plan, Instant now) {
    feed(new FleetEvent.Reconfigure(plan), now);
  }

  public void delete(Instant now) {
    feed(new FleetEvent.Delete(), now);
  }

  public void offersFound(List<Offer> offers, Instant now) {
    feed(new FleetEvent.OffersFound(offers), now);
  }

  public void offersFailed(String message, Instant now) {
    feed(new FleetEvent.OffersFailed(message), now);
  }

  public void ownersClosed(List<String> workflowIds, Instant now) {
    feed(new FleetEvent.OwnersClosed(workflowIds), now);
  }

  private void feed(FleetEvent event, Instant now) {
    if (closed()) {
      return;
    }
    FleetDecider.Decision decision = FleetDecider.decide(input, state, List.of(event), now);
    state = decision.state();
    check();
    if (decision.view() != null) {
      world.shown(decision.view());
    }
    for (FleetCommand command : decision.commands()) {
      switch (command) {
        case FleetCommand.Answer(String replyTo, FleetAnswer answer) ->
            world.answer(this, replyTo, answer);
        case FleetCommand.StartInstance start -> {
          ids.put(start.serial(), start.id());
          world.startInstance(
              this,
              start.serial(),
              new InstanceInput(
                  start.id(),
                  input.projectId(),
                  input.project(),
                  input.id(),
                  input.name(),
                  id(),
                  start.number(),
                  start.name(),
                  start.offer(),
                  now,
                  null));
        }
        case FleetCommand.TerminateInstance terminate ->
            world.terminateInstance(this, terminate.id(), terminate.termination());
        case FleetCommand.FindOffers _ -> world.findOffers(this);
        case FleetCommand.FindClosed(List<String> workflowIds) ->
            world.findClosed(this, workflowIds);
        case FleetCommand.StopJob(String jobWorkflowId) -> world.stopJob(this, jobWorkflowId);
      }
    }
  }

  /** Who has a claim on which instance. */
  public Map<JobId, InstanceId> claims() {
    Map<JobId, InstanceId> claims = new HashMap<>();
    for (FleetState.Grant grant : state.grants()) {
      for (FleetState.Claim claim : grant.claims()) {
        claims.put(claim.job(), ids.get(claim.serial()));
      }
    }
    return claims;
  }

  /** Nothing is given twice, and no instance has two numbers' worth of jobs. */
  private void check() {
    Map<Integer, FleetState.Slot> slots = new HashMap<>();
    state.instances().forEach(slot -> slots.put(slot.serial(), slot));
    Map<Integer, List<FleetState.Claim>> bySerial = new HashMap<>();
    Set<JobId> jobs = new HashSet<>();
    for (FleetState.Grant grant : state.grants()) {
      for (FleetState.Claim claim : grant.claims()) {
        assertThat(jobs.add(claim.job())).as("one claim a job").isTrue();
        bySerial.computeIfAbsent(claim.serial(), _ -> new ArrayList<>()).add(claim);
      }
    }
    bySerial.forEach(
        (serial, claims) -> {
          FleetState.Slot slot = slots.get(serial);
          assertThat(slot).as("an instance behind claims").isNotNull();
          Resources has = state.offers().get(slot.offer()).resources();
          double cpus = 0;
          long memory = 0;
          Set<Integer> gpus = new HashSet<>();
          for (FleetState.Claim claim : claims) {
            Resources taken = state.shapes().get(claim.shape());
            cpus += taken.cpus();
            memory += taken.memoryMib();
            for (int gpu : claim.gpus()) {
              assertThat(gpus.add(gpu)).as("an accelerator is given once").isTrue();
            }
          }
          assertThat(cpus).as("processors of %s", slot).isLessThanOrEqualTo(has.cpus() + 1e-6);
          assertThat(memory).as("memory of %s", slot).isLessThanOrEqualTo(has.memoryMib());
        });
  }
}
