package dev.dstack.api.dispatch;

import dev.dstack.api.dispatch.Lane.NotYetException;
import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.RunOutbox;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.VolumeRecord;
import dev.dstack.db.records.Volumes;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.json.Json;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.fleet.InstanceRemoval;
import dev.dstack.workflows.run.RunInput;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.run.RunStop;
import dev.dstack.workflows.run.RunUpdate;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.volume.VolumeInput;
import dev.dstack.workflows.volume.VolumePlan;
import dev.dstack.workflows.volume.VolumeWorkflow;
import io.grpc.Context;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/**
 * Carries wishes from the tables to Temporal. Any number of servers may do so at once: a row is in
 * one hand at a time, and everything sent is safe to send again.
 */
public final class TemporalDispatcher implements RunDispatcher, AutoCloseable {
  /** What this server accepts goes at once; the rest is what one that is gone has left. */
  private static final Duration TICK = Duration.ofSeconds(5);

  private static final Duration CALL = Duration.ofSeconds(5);
  private static final Duration PING = Duration.ofSeconds(2);

  /** How long the workflow of the finished run of the same name may take to close. */
  private static final Duration CLOSING = Duration.ofSeconds(2);

  private static final Duration CLOSING_STEP = Duration.ofMillis(50);
  private static final String MEMO_ID = "id";

  private final WorkflowClient client;
  private final LongSupplier nanoTime;
  private final Lane runs;
  private final Lane stops;
  private final Lane updates;
  private final Lane fleets;
  private final Lane removals;
  private final Lane volumes;
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dispatch-ticker").factory());

  /**
   * @param nanoTime a monotonic clock, as {@link System#nanoTime}
   */
  public TemporalDispatcher(
      WorkflowClient client,
      RunOutbox outbox,
      Fleets wishes,
      Volumes volumeWishes,
      LongSupplier nanoTime) {
    this.client = client;
    this.nanoTime = nanoTime;
    // Each thread holds a database connection during its call; together they stay below a pool.
    this.runs =
        new Lane("runs", 6, this::ping, () -> outbox.dispatchNext(this::startRun), nanoTime);
    this.stops =
        new Lane("stops", 2, this::ping, () -> outbox.deliverNextStop(this::stopRun), nanoTime);
    this.updates =
        new Lane(
            "updates", 1, this::ping, () -> outbox.deliverNextUpdate(this::updateRun), nanoTime);
    this.fleets = new Lane("fleets", 1, this::ping, () -> carryNextFleet(wishes), nanoTime);
    this.removals =
        new Lane(
            "removals",
            1,
            this::ping,
            () -> wishes.deliverNextRemoval(this::removeInstances),
            nanoTime);
    this.volumes =
        new Lane(
            "volumes", 1, this::ping, () -> volumeWishes.dispatchNext(this::carryVolume), nanoTime);
  }

  public void start() {
    List<Lane> lanes = List.of(fleets, volumes, runs, stops, updates, removals);
    lanes.forEach(Lane::start);
    ticker.scheduleWithFixedDelay(
        () -> lanes.forEach(Lane::tick), TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void runAccepted() {
    runs.poke();
  }

  @Override
  public void runChanged() {
    stops.poke();
    updates.poke();
  }

  @Override
  public void fleetChanged() {
    fleets.poke();
    removals.poke();
  }

  @Override
  public void volumeChanged() {
    volumes.poke();
  }

  @Override
  public void close() {
    ticker.shutdownNow();
    List.of(runs, stops, updates, fleets, removals, volumes).forEach(Lane::close);
  }

  /** Fails when Temporal can't be reached. */
  private void ping() {
    client
        .getWorkflowServiceStubs()
        .blockingStub()
        .withDeadlineAfter(PING.toMillis(), TimeUnit.MILLISECONDS)
        .getSystemInfo(GetSystemInfoRequest.getDefaultInstance());
  }

  private void startRun(RunRecord run) {
    RunPlan plan = Json.lenient().readValue(run.planJson(), RunPlan.class);
    String workflowId = WorkflowIds.run(run.project(), run.runName());
    WorkflowOptions options =
        options(workflowId, run.id().toString())
            .setStaticSummary(
                plan.type() + " " + run.runName() + " of " + run.user() + " in " + run.project())
            .setTypedSearchAttributes(
                io.temporal.common.SearchAttributes.newBuilder()
                    .set(SearchAttributes.PROJECT, run.project())
                    .set(SearchAttributes.RUN, run.runName())
                    .set(SearchAttributes.USER, run.user())
                    .set(SearchAttributes.STATUS, "submitted")
                    .build())
            .build();
    RunInput input =
        RunInput.first(
            run.id(),
            run.projectId(),
            run.project(),
            run.runName(),
            run.userId(),
            run.user(),
            run.submittedAt(),
            plan);
    startOnce(
        workflowId,
        run.id().toString(),
        () -> {
          RunWorkflow stub = client.newWorkflowStub(RunWorkflow.class, options);
          WorkflowClient.start(stub::run, input);
        });
  }

  private void stopRun(RunOutbox.Stop stop) {
    signal(
        WorkflowIds.run(stop.project(), stop.runName()),
        "stop",
        new RunStop(stop.run(), stop.abort(), stop.user()));
  }

  private void updateRun(RunOutbox.Update update) {
    signal(
        WorkflowIds.run(update.project(), update.runName()),
        "update",
        new RunUpdate(update.run(), update.priority(), update.deploymentNum()));
  }

  private void removeInstances(Fleets.Removal removal) {
    signal(
        WorkflowIds.fleet(removal.project(), removal.fleetName()),
        "deleteInstances",
        new InstanceRemoval(removal.numbers(), removal.forget(), removal.username()));
  }

  private boolean carryNextFleet(Fleets wishes) {
    boolean carried = wishes.dispatchNext(this::carryFleet);
    if (carried) {
      // Runs of its project may have waited for it.
      runs.tick();
    }
    return carried;
  }

  private void carryFleet(FleetRecord fleet) {
    FleetPlan plan = Json.lenient().readValue(fleet.planJson(), FleetPlan.class);
    String workflowId = WorkflowIds.fleet(fleet.project(), fleet.name());
    if (fleet.started()) {
      signal(workflowId, "reconfigure", plan);
    } else {
      WorkflowOptions options =
          options(workflowId, fleet.id().toString())
              .setStaticSummary("fleet " + fleet.name() + " of " + fleet.project())
              .setTypedSearchAttributes(
                  io.temporal.common.SearchAttributes.newBuilder()
                      .set(SearchAttributes.PROJECT, fleet.project())
                      .set(SearchAttributes.FLEET, fleet.name())
                      .set(SearchAttributes.BACKEND, plan.backend().name())
                      .build())
              .build();
      FleetInput input =
          FleetInput.first(
              fleet.id(),
              fleet.projectId(),
              fleet.project(),
              fleet.name(),
              fleet.createdAt(),
              plan);
      startOnce(
          workflowId,
          fleet.id().toString(),
          () -> {
            FleetWorkflow stub = client.newWorkflowStub(FleetWorkflow.class, options);
            WorkflowClient.start(stub::run, input);
          });
    }
    if (fleet.deleteRequested()) {
      signal(workflowId, "delete");
    }
  }

  private void carryVolume(VolumeRecord volume) {
    String workflowId = WorkflowIds.volume(volume.project(), volume.name());
    if (!volume.started()) {
      VolumePlan plan = Json.lenient().readValue(volume.planJson(), VolumePlan.class);
      WorkflowOptions options =
          options(workflowId, volume.id().toString())
              .setStaticSummary("volume " + volume.name() + " of " + volume.project())
              .setTypedSearchAttributes(
                  io.temporal.common.SearchAttributes.newBuilder()
                      .set(SearchAttributes.PROJECT, volume.project())
                      .set(SearchAttributes.BACKEND, plan.backend().name())
                      .build())
              .build();
      VolumeInput input =
          VolumeInput.first(
              volume.id(),
              volume.projectId(),
              volume.project(),
              volume.name(),
              volume.createdAt(),
              plan);
      startOnce(
          workflowId,
          volume.id().toString(),
          () -> {
            VolumeWorkflow stub = client.newWorkflowStub(VolumeWorkflow.class, options);
            WorkflowClient.start(stub::run, input);
          });
    }
    if (volume.deleteRequested()) {
      signal(workflowId, "delete");
    }
  }

  private static WorkflowOptions.Builder options(String workflowId, String nounId) {
    return WorkflowOptions.newBuilder()
        .setWorkflowId(workflowId)
        .setTaskQueue(TaskQueues.CONTROL)
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setMemo(Map.of(MEMO_ID, nounId));
  }

  /**
   * Started already for the same noun is success. An older one of the same name, whose end has been
   * shown, is about to close.
   */
  private void startOnce(String workflowId, String nounId, Runnable start) {
    long deadline = nanoTime.getAsLong() + CLOSING.toNanos();
    while (true) {
      try {
        bounded(start);
        return;
      } catch (WorkflowExecutionAlreadyStarted e) {
        if (isFor(workflowId, nounId)) {
          return;
        }
        if (deadline - nanoTime.getAsLong() < 0) {
          throw new NotYetException("An older " + workflowId + " has not closed yet");
        }
        pause();
      }
    }
  }

  private boolean isFor(String workflowId, String nounId) {
    AtomicBoolean same = new AtomicBoolean();
    bounded(
        () ->
            same.set(
                nounId.equals(
                    client
                        .newUntypedWorkflowStub(workflowId)
                        .describe()
                        .getMemo(MEMO_ID, String.class))));
    return same.get();
  }

  /** A workflow that is closed or was never there has nothing left to hear. */
  private void signal(String workflowId, String name, Object... arguments) {
    WorkflowStub stub = client.newUntypedWorkflowStub(workflowId);
    try {
      bounded(() -> stub.signal(name, arguments));
    } catch (WorkflowNotFoundException e) {
      return;
    }
  }

  /** Temporal's client tries for a minute by itself; a row and a connection aren't held so long. */
  private void bounded(Runnable call) {
    try (Context.CancellableContext context =
        Context.current().withDeadlineAfter(CALL.toMillis(), TimeUnit.MILLISECONDS, ticker)) {
      context.run(call);
    }
  }

  private static void pause() {
    try {
      // Nobody counts it down: this waits, and ends at once when the thread is interrupted.
      boolean _ = new CountDownLatch(1).await(CLOSING_STEP.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NotYetException("interrupted");
    }
  }
}
