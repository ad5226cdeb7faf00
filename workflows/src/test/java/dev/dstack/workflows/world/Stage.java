package dev.dstack.workflows.world;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.run.RunInput;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.run.RunStop;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.support.WorkflowTypes;
import dev.dstack.workflows.view.RunView;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.failure.CanceledFailure;
import io.temporal.internal.worker.WorkflowExecutorCache;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The time-skipping server, workers with real workflows, and a {@link FakeWorld} around them. */
public final class Stage implements AutoCloseable {
  /** Nothing in these tests takes longer in the world's time. */
  private static final Duration LIMIT = Duration.ofDays(3);

  /** Of real time, in which the skipped time of a whole life passes many times over. */
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  public static final ProjectId PROJECT = new ProjectId(new UUID(0, 1));
  public static final UserId USER = new UserId(new UUID(0, 2));

  public final TestWorkflowEnvironment env;
  public final FakeWorld world;
  public final Faults faults = new Faults(this::workerDied);
  private final LostTasks lostTasks = new LostTasks();
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  static {
    // Every closed stage would tell at length that its channels are closed.
    GRPC.setLevel(Level.OFF);
  }

  private final int cacheSize;
  private WorkerFactory factory;
  private int restarts;

  public Stage(int cacheSize) {
    this.cacheSize = cacheSize;
    env =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowServiceStubsOptions(
                    WorkflowServiceStubsOptions.newBuilder()
                        .setGrpcClientInterceptors(List.of(lostTasks))
                        .build())
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setIdentity("test")
                        .setDataConverter(DataConverters.create())
                        .build())
                .build());
    SearchAttributes.ALL.forEach(
        key ->
            env.registerSearchAttribute(
                key.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD));
    world = new FakeWorld(this::now, env::getWorkflowClient);
    factory = startWorkers();
  }

  private WorkerFactory startWorkers() {
    WorkerFactory workers =
        WorkerFactory.newInstance(
            env.getWorkflowClient(),
            WorkerFactoryOptions.newBuilder()
                .setWorkflowCacheSize(cacheSize)
                .setWorkerInterceptors(faults)
                .build());
    Worker control = workers.newWorker(TaskQueues.CONTROL);
    control.registerWorkflowImplementationTypes(WorkflowTypes.options(), WorkflowTypes.all());
    control.registerActivitiesImplementations(world.new Views(), world.new Engine());
    Worker agents = workers.newWorker(TaskQueues.AGENTS);
    agents.registerActivitiesImplementations(world.new Agent(), world.new Cloud());
    Worker cloud = workers.newWorker(TaskQueues.CLOUD);
    cloud.registerActivitiesImplementations(
        world.new Cloud(), world.new Volumes(), world.volumeProvider);
    workers.start();
    return workers;
  }

  private void workerDied(String workflowId) {
    lostTasks.lose(workflowId);
    try {
      java.lang.reflect.Method cache = WorkerFactory.class.getDeclaredMethod("getCache");
      cache.setAccessible(true);
      ((WorkflowExecutorCache) cache.invoke(factory)).invalidateAll();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("this SDK keeps its cache elsewhere", e);
    }
  }

  public int lostTasks() {
    return lostTasks.lost();
  }

  public synchronized void restartWorkers() {
    factory.shutdownNow();
    factory = startWorkers();
    restarts++;
  }

  /**
   * Nearly all that is done here is seen at once by the workers: they hold still, and only what
   * they had asked for before comes to them meanwhile. Not stopped, because the in-memory server
   * hands tasks to those who have gone, and forgets them.
   */
  public synchronized void whileWorkersHoldStill(Runnable work) {
    factory.suspendPolling();
    work.run();
    factory.resumePolling();
  }

  public synchronized int restarts() {
    return restarts;
  }

  public WorkflowClient client() {
    return env.getWorkflowClient();
  }

  public Instant now() {
    return Instant.ofEpochMilli(env.currentTimeMillis());
  }

  /** Lets the world's time pass until it is so. */
  public void await(String what, BooleanSupplier condition) {
    Instant deadline = now().plus(LIMIT);
    Duration step = Duration.ofMillis(20);
    while (!world.see(condition::getAsBoolean)) {
      if (now().isAfter(deadline)) {
        throw new AssertionError("not " + what + ": " + world.see(() -> world.story().toString()));
      }
      env.sleep(step);
      step = step.multipliedBy(3).dividedBy(2);
      step = step.compareTo(Duration.ofSeconds(20)) > 0 ? Duration.ofSeconds(20) : step;
    }
  }

  public void pass(Duration time) {
    env.sleep(time);
  }

  // ---- fleets

  public static Offer offer(String type, double cpus, double price) {
    return offer(BackendType.LOCAL, type, cpus, price, false);
  }

  public static Offer offer(
      BackendType backend, String type, double cpus, double price, boolean spot) {
    return new Offer(
        backend,
        type,
        "here",
        new Resources(CpuArch.X86, cpus, 8_192, 102_400, List.of(), spot),
        price,
        Availability.AVAILABLE,
        Map.of());
  }

  public static Requirements cpus(int cpus) {
    return Requirements.atLeast(cpus, 64, 64);
  }

  public static FleetPlan fleetPlan(int min, @Nullable Integer max, Sharing sharing) {
    return new FleetPlan(BackendType.LOCAL, min, min, max, cpus(1), sharing, null);
  }

  public FleetRef startFleet(String name, FleetPlan plan) {
    FleetRef ref =
        new FleetRef(
            new FleetId(
                UUID.nameUUIDFromBytes(name.getBytes(java.nio.charset.StandardCharsets.UTF_8))),
            "main",
            name);
    FleetWorkflow fleet =
        client().newWorkflowStub(FleetWorkflow.class, options(WorkflowIds.fleet("main", name)));
    WorkflowClient.start(
        fleet::run, FleetInput.first(ref.id(), PROJECT, "main", name, now(), plan));
    return ref;
  }

  public FleetWorkflow fleet(FleetRef ref) {
    return client()
        .newWorkflowStub(FleetWorkflow.class, WorkflowIds.fleet(ref.project(), ref.name()));
  }

  public void awaitReady(int instances) {
    await(
        instances + " instances ready",
        () ->
            world.instances.values().stream()
                    .filter(one -> one.status() == dev.dstack.model.instance.InstanceStatus.IDLE)
                    .count()
                == instances);
  }

  /** Deletes the fleet and waits until everything of it is gone. */
  public void deleteFleet(FleetRef ref) {
    fleet(ref).delete();
    result(WorkflowIds.fleet(ref.project(), ref.name()));
  }

  // ---- runs

  public static RunPlan plan(List<FleetRef> fleets, int nodes) {
    return plan(fleets, nodes, null);
  }

  public static RunPlan plan(List<FleetRef> fleets, int nodes, RunPlan.@Nullable RetryPlan retry) {
    List<RunPlan.JobPlan> jobs =
        java.util.stream.IntStream.range(0, nodes)
            .mapToObj(num -> new RunPlan.JobPlan(0, num, "hello-0-" + num, cpus(1), List.of()))
            .toList();
    return Plans.of(fleets, jobs).retry(retry).plan();
  }

  public RunId submit(String name, RunPlan plan) {
    RunId id =
        new RunId(
            UUID.nameUUIDFromBytes(
                ("run " + name).getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    return submit(id, name, plan);
  }

  public RunId submit(RunId id, String name, RunPlan plan) {
    RunWorkflow run =
        client().newWorkflowStub(RunWorkflow.class, options(WorkflowIds.run("main", name)));
    WorkflowClient.start(
        run::run, RunInput.first(id, PROJECT, "main", name, USER, "ann", now(), plan));
    return id;
  }

  public RunWorkflow run(String name) {
    return client().newWorkflowStub(RunWorkflow.class, WorkflowIds.run("main", name));
  }

  public void stop(RunId id, String name, boolean abort) {
    run(name).stop(new RunStop(id, abort, "ann"));
  }

  /** Waits until the workflow has closed; the view must say the same as its state. */
  public RunView end(RunId id, String name) {
    result(WorkflowIds.run("main", name));
    RunView view = world.run(id);
    if (view == null || !view.status().isFinal()) {
      throw new AssertionError("closed without showing its end: " + view);
    }
    return view;
  }

  public void awaitStatus(RunId id, RunStatus status) {
    await(
        "run " + status,
        () -> {
          RunView view = world.runs.get(id);
          return view != null && view.status() == status;
        });
  }

  public void result(String workflowId) {
    try {
      client()
          .newUntypedWorkflowStub(workflowId)
          .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, Void.class);
    } catch (TimeoutException e) {
      throw new AssertionError(workflowId + " does not end", e);
    } catch (WorkflowFailedException e) {
      // A workflow that somebody cancelled ends in order, but closes as cancelled.
      if (!(e.getCause() instanceof CanceledFailure)) {
        throw e;
      }
    }
  }

  /**
   * @param ifAny there may never have been such a workflow
   */
  public void result(String workflowId, boolean ifAny) {
    try {
      result(workflowId);
    } catch (io.temporal.client.WorkflowNotFoundException none) {
      if (!ifAny) {
        throw none;
      }
    }
  }

  public boolean isOpen(String workflowId) {
    return world.isOpen(workflowId);
  }

  public WorkflowExecutionHistory history(String workflowId) {
    WorkflowStub stub = client().newUntypedWorkflowStub(workflowId);
    WorkflowExecution execution = stub.describe().getExecution();
    return client().fetchHistory(execution.getWorkflowId(), execution.getRunId());
  }

  /** The run id of the workflow's present history. */
  public String execution(String workflowId) {
    return client().newUntypedWorkflowStub(workflowId).describe().getExecution().getRunId();
  }

  private static WorkflowOptions options(String workflowId) {
    return WorkflowOptions.newBuilder()
        .setWorkflowId(workflowId)
        .setTaskQueue(TaskQueues.CONTROL)
        // A task lost with its worker is missed in real time: tests don't wait for ten seconds.
        .setWorkflowTaskTimeout(Duration.ofSeconds(2))
        .build();
  }

  @Override
  public void close() {
    synchronized (this) {
      // Its pollers end when the server does; waiting for them first would take seconds.
      factory.shutdownNow();
    }
    env.close();
  }
}
