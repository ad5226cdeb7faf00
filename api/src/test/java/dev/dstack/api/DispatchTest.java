package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.api.dispatch.TemporalDispatcher;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.RunOutbox;
import dev.dstack.db.records.Volumes;
import dev.dstack.model.ids.RunId;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetState;
import dev.dstack.workflows.fleet.FleetWhy;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.fleet.InstanceRemoval;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.run.RunInput;
import dev.dstack.workflows.run.RunState;
import dev.dstack.workflows.run.RunStop;
import dev.dstack.workflows.run.RunUpdate;
import dev.dstack.workflows.run.RunWhy;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Wishes reach Temporal, each once, also those of a time when it was away. */
class DispatchTest {
  /** What the workflows were told, by run or fleet name. */
  private static final Map<String, Integer> STARTED = new ConcurrentHashMap<>();

  private static final Set<String> EXECUTIONS = ConcurrentHashMap.newKeySet();
  private static final Map<String, Boolean> STOPPED = new ConcurrentHashMap<>();
  private static final Map<String, Integer> PRIORITY = new ConcurrentHashMap<>();
  private static final Set<String> SECRETS_SEEN = ConcurrentHashMap.newKeySet();
  private static TestWorkflowEnvironment temporal;
  private static ApiServer server;

  public static final class FakeRun implements RunWorkflow {
    private boolean stopped;
    private String name = "";

    @Override
    public void run(RunInput input) {
      name = input.runName();
      started(name);
      if (input.toString().contains("canary")) {
        SECRETS_SEEN.add(name);
      }
      Workflow.await(() -> stopped);
    }

    @Override
    public void stop(RunStop stop) {
      STOPPED.put(name, stop.abort());
      stopped = true;
    }

    @Override
    public void update(RunUpdate update) {
      PRIORITY.put(name, update.priority());
    }

    @Override
    public void fleetAnswered(FleetAnswer answer) {}

    @Override
    public void jobReported(JobReport report) {}

    @Override
    public RunWhy why() {
      throw new UnsupportedOperationException();
    }

    @Override
    public RunState state() {
      throw new UnsupportedOperationException();
    }
  }

  public static final class FakeFleet implements FleetWorkflow {
    @Override
    public void run(FleetInput input) {
      started(input.project() + "/" + input.name());
      Workflow.await(() -> false);
    }

    @Override
    public void reserve(ReserveRequest request) {}

    @Override
    public void release(ReleaseRequest request) {}

    @Override
    public void instanceReported(InstanceReport report) {}

    @Override
    public void reconfigure(FleetPlan plan) {}

    @Override
    public void deleteInstances(InstanceRemoval removal) {
      // Not looked at here.
    }

    @Override
    public void delete() {}

    @Override
    public FleetWhy why(RunId run) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FleetState state() {
      throw new UnsupportedOperationException();
    }
  }

  @BeforeAll
  static void start() {
    TestEnvironmentOptions.Builder options =
        TestEnvironmentOptions.newBuilder()
            .setUseTimeskipping(false)
            .setWorkflowClientOptions(
                WorkflowClientOptions.newBuilder()
                    .setDataConverter(DataConverters.create())
                    .build());
    SearchAttributes.ALL.forEach(
        key ->
            options.registerSearchAttribute(
                key.getName(),
                io.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD));
    temporal = TestWorkflowEnvironment.newInstance(options.build());
    Worker worker = temporal.newWorker(TaskQueues.CONTROL);
    worker.registerWorkflowImplementationTypes(FakeRun.class, FakeFleet.class);
    temporal.start();
    ApiServer shared = ApiServer.shared();
    shared.postgres.createDatabase("dispatch");
    server = new ApiServer(shared.postgres, "dispatch", temporal.getWorkflowClient());
  }

  @AfterAll
  static void stop() {
    server.context.close();
    temporal.close();
  }

  /** On a busy machine the first task of an execution may be done twice. */
  private static void started(String name) {
    if (EXECUTIONS.add(Workflow.getInfo().getRunId())) {
      STARTED.merge(name, 1, Integer::sum);
    }
  }

  private static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  private static Answer apply(String name, int priority, boolean force) {
    return server.post(
        ADMIN_TOKEN,
        "/api/project/main/runs/apply",
        Map.of(
            "plan",
            Map.of(
                "run_spec",
                Map.of(
                    "run_name",
                    name,
                    "configuration",
                    Map.of(
                        "type",
                        "task",
                        "commands",
                        List.of("echo canary"),
                        "env",
                        Map.of("A", "canary"),
                        "priority",
                        priority))),
            "force",
            force));
  }

  private static void stop(String name, boolean abort) {
    server.post(
        ADMIN_TOKEN,
        "/api/project/main/runs/stop",
        Map.of("runs_names", List.of(name), "abort", abort));
  }

  @Test
  void eachAcceptedRunIsStartedOnceAndHearsOfUpdatesAndStops() {
    for (int i = 0; i < 20; i++) {
      assertThat(apply("run-" + i, 0, false).status()).isEqualTo(200);
    }
    await(
        "all started",
        () -> STARTED.keySet().stream().filter(n -> n.startsWith("run-")).count() == 20);
    assertThat(apply("run-3", 70, true).status()).isEqualTo(200);
    await("updated", () -> Integer.valueOf(70).equals(PRIORITY.get("run-3")));
    stop("run-3", false);
    stop("run-4", true);
    await("stopped", () -> STOPPED.keySet().containsAll(List.of("run-3", "run-4")));
    assertThat(STOPPED).containsEntry("run-3", false).containsEntry("run-4", true);
    STARTED.forEach((name, times) -> assertThat(times).as(name).isEqualTo(1));
    assertThat(SECRETS_SEEN).isEmpty();
  }

  @Test
  void whatWasAcceptedWhileTemporalWasAwayIsDispatchedLater() {
    ApiServer shared = ApiServer.shared();
    String project = shared.project();
    Answer accepted =
        shared.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/apply",
            Map.of(
                "plan",
                Map.of(
                    "run_spec",
                    Map.of(
                        "run_name",
                        "patient",
                        "configuration",
                        Map.of("type", "task", "commands", List.of("true")))),
                "force",
                false));
    assertThat(accepted.status()).isEqualTo(200);
    shared.post(
        ADMIN_TOKEN,
        "/api/project/" + project + "/runs/stop",
        Map.of("runs_names", List.of("patient"), "abort", true));
    assertThat(STARTED).doesNotContainKey("patient");
    try (TemporalDispatcher another =
        new TemporalDispatcher(
            temporal.getWorkflowClient(),
            shared.context.getBean(RunOutbox.class),
            shared.context.getBean(Fleets.class),
            shared.context.getBean(Volumes.class),
            System::nanoTime)) {
      another.start();
      await("started", () -> STARTED.containsKey("patient"));
      await("aborted", () -> Boolean.TRUE.equals(STOPPED.get("patient")));
    }
  }

  @Test
  void twoServersStartingAtOnceMakeOneOfEach() {
    ServerConfig config =
        ServerConfig.parse(
            "config.yml",
            "projects:\n- name: main\n  backends:\n  - type: local\n  - type: scripted\n    instances: 5\n"
                + "- name: second\n  backends:\n  - type: scripted\n",
            new ApiServer.FakeBackends());
    assertThat(config.problems()).isEmpty();
    Bootstrap bootstrap = server.context.getBean(Bootstrap.class);
    List<Bootstrap.Result> results =
        java.util.stream.IntStream.range(0, 4)
            .parallel()
            .mapToObj(_ -> bootstrap.run(null, config))
            .toList();
    assertThat(results)
        .allSatisfy(result -> assertThat(result.adminToken()).isEqualTo(ADMIN_TOKEN));
    assertThat(results.stream().flatMap(result -> result.projectsCreated().stream()))
        .containsExactly("second");
    await(
        "fleets",
        () -> STARTED.containsKey("second/scripted") && STARTED.containsKey("main/local"));
    assertThat(server.post(ADMIN_TOKEN, "/api/project/main/fleets/list").json().size())
        .isEqualTo(2);
    assertThat(STARTED.get("main/local")).isEqualTo(1);
  }
}
