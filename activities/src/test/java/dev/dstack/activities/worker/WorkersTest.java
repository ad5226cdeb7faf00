package dev.dstack.activities.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.activities.Fixture;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogQuery;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.views.EventQuery;
import dev.dstack.db.views.EventReader;
import dev.dstack.db.views.EventRow;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.OfferReader;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunRow;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
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
import io.prometheus.client.CollectorRegistry;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * All workflows and all activities together, with a simulated provider: from an accepted run to its
 * log, its views and its events.
 */
class WorkersTest {
  private static final BackendType SCRIPTED = BackendType.SCRIPTED;
  private static Fixture fixture;
  private static TestWorkflowEnvironment temporal;
  private static WorkflowClient client;
  private static Workers workers;
  private static CollectorRegistry metrics;
  private static final FleetId FLEET = new FleetId(UUID.randomUUID());

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    metrics = new CollectorRegistry();
    TestEnvironmentOptions.Builder options =
        TestEnvironmentOptions.newBuilder()
            .setUseTimeskipping(false)
            .setMetricsScope(TemporalMetrics.scope(metrics))
            .setWorkflowClientOptions(
                WorkflowClientOptions.newBuilder()
                    .setDataConverter(DataConverters.create())
                    .build());
    SearchAttributes.ALL.forEach(
        key ->
            options.registerSearchAttribute(
                key.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD));
    temporal = TestWorkflowEnvironment.newInstance(options.build());
    client = temporal.getWorkflowClient();
    new BackendStore(fixture.api, fixture.encryption)
        .save(
            fixture.project,
            new StoredBackend(
                "scripted",
                Json.lenient()
                    .readTree(
                        """
                        {"pool": "test", "instances": 2, "create_delay": "100ms",
                         "instance_types":
                           [{"name": "small", "cpus": 4, "memory": "8GB", "disk": "100GB", "price": 0.1}],
                         "job": {"start_delay": "50ms", "duration": "500ms", "exit_status": 0, "lines": 5, "rate": 20,
                                 "text": "step {n}"}}
                        """),
                null,
                BackendStore.Source.FILE),
            fixture.clock.instant());
    workers =
        Workers.create(
            client,
            fixture.worker,
            fixture.encryption,
            fixture.logs,
            fixture.clock,
            WorkerSettings.defaults("test", fixture.serverDir).withWorkflowCacheSize(100));
    workers.start();
    startFleet();
  }

  @AfterAll
  static void close() {
    workers.close();
    temporal.close();
    fixture.close();
  }

  @Test
  void aRunGoesItsWholeWay() {
    RunId run = accept("hello");
    startAccepted();
    Fixture.await("the run to be done", () -> row(run).status().isFinal());

    RunRow row = row(run);
    assertThat(row.status()).isEqualTo(RunStatus.DONE);
    assertThat(row.finishedAt()).isNotNull();
    JobViewRow job = row.jobs().getFirst();
    assertThat(job.status()).isEqualTo(JobStatus.DONE);
    assertThat(job.exitStatus()).isZero();
    assertThat(job.placementJson()).contains("small");
    assertThat(log("hello", job.id()).lines())
        .containsExactlyElementsOf(IntStream.range(0, 5).mapToObj("step %08d"::formatted).toList());
    Fixture.await(
        "the instance to be idle again",
        () ->
            fleet().instances().stream()
                .anyMatch(instance -> instance.status() == InstanceStatus.IDLE));
    assertThat(events(run))
        .contains("Run submitted. Status: SUBMITTED")
        .anyMatch(message -> message.contains("RUNNING"))
        .anyMatch(message -> message.contains("DONE"));
    assertThat(new OfferReader(fixture.api).offers(fixture.project))
        .singleElement()
        .satisfies(offer -> assertThat(offer.offersJson()).contains("small"));
    assertThat(fleet().status()).isEqualTo(FleetStatus.ACTIVE);
  }

  @Test
  void aStopReachesTheHost() {
    RunId run = accept("stopped");
    startAccepted();
    Fixture.await(
        "the run to run",
        () -> row(run).status() == RunStatus.RUNNING || row(run).status().isFinal());
    fixture.runs.requestStop(fixture.project, List.of("stopped"), true, fixture.user);
    while (fixture.outbox.deliverNextStop(
        stop ->
            client
                .newWorkflowStub(RunWorkflow.class, WorkflowIds.run(stop.project(), stop.runName()))
                .stop(new RunStop(stop.run(), stop.abort(), stop.user())))) {}
    Fixture.await("the run to end", () -> row(run).status().isFinal());
    Fixture.await(
        "no claims", () -> fleet().instances().stream().allMatch(i -> i.claims().isEmpty()));
  }

  @Test
  void manyRunsShareTheFleet() {
    List<RunId> runs = IntStream.range(0, 12).mapToObj(n -> accept("many-" + n)).toList();
    startAccepted();
    Fixture.await(
        "all runs to be done", () -> runs.stream().allMatch(run -> row(run).status().isFinal()));
    assertThat(runs).allSatisfy(run -> assertThat(row(run).status()).isEqualTo(RunStatus.DONE));
  }

  @Test
  void theEngineIsMeasured() {
    Fixture.await(
        "metrics of the SDK",
        () ->
            java.util.Collections.list(metrics.metricFamilySamples()).stream()
                .anyMatch(family -> family.name.startsWith("temporal_")));
  }

  private static void startFleet() {
    FleetPlan plan = new FleetPlan(SCRIPTED, 1, 1, 2, anything(), new Sharing.ByRequest(), null);
    new Fleets(fixture.api, fixture.encryption, fixture.clock)
        .create(
            FLEET,
            fixture.project,
            null,
            "sim",
            """
            {"configuration": {"type": "fleet", "name": "sim", "nodes": "1..2"},
             "profile": {"name": "default"}}
            """,
            Json.lenient().writeValueAsString(plan));
    new Fleets(fixture.api, fixture.encryption, fixture.clock)
        .dispatchNext(
            fleet -> {
              FleetWorkflow stub =
                  client.newWorkflowStub(
                      FleetWorkflow.class, options(WorkflowIds.fleet("main", fleet.name())));
              WorkflowClient.start(
                  stub::run,
                  FleetInput.first(
                      fleet.id(),
                      fleet.projectId(),
                      fleet.project(),
                      fleet.name(),
                      fleet.createdAt(),
                      plan));
            });
  }

  private static void startAccepted() {
    while (fixture.outbox.dispatchNext(WorkersTest::start)) {}
  }

  private static void start(RunRecord run) {
    RunWorkflow stub =
        client.newWorkflowStub(
            RunWorkflow.class, options(WorkflowIds.run(run.project(), run.runName())));
    WorkflowClient.start(
        stub::run,
        RunInput.first(
            run.id(),
            run.projectId(),
            run.project(),
            run.runName(),
            run.userId(),
            run.user(),
            run.submittedAt(),
            Json.lenient().readValue(run.planJson(), RunPlan.class)));
  }

  private static WorkflowOptions options(String id) {
    return WorkflowOptions.newBuilder().setWorkflowId(id).setTaskQueue(TaskQueues.CONTROL).build();
  }

  private static RunId accept(String name) {
    RunId id = new RunId(UUID.randomUUID());
    RunPlan plan =
        new RunPlan(
            "task",
            0,
            new RunPlan.RetryPlan(
                java.util.Set.of(dev.dstack.model.job.RetryEvent.NO_CAPACITY), Duration.ofHours(1)),
            null,
            Duration.ofSeconds(30),
            List.of(),
            List.of(new FleetRef(FLEET, "main", "sim")),
            true,
            List.of(new RunPlan.JobPlan(0, 0, name + "-0-0", one(), List.of())),
            null,
            List.of(),
            null,
            List.of());
    fixture.runs.accept(
        new NewRun(
            id,
            fixture.project,
            fixture.user,
            name,
            null,
            """
            {"run_name": "%s", "configuration": {"type": "task", "commands": ["echo hi"]}}
            """
                .formatted(name),
            new RunPrivate(Map.of(), null, null),
            Json.lenient().writeValueAsString(plan),
            0,
            fixture.clock.instant()));
    return id;
  }

  private static Requirements anything() {
    return Requirements.ANY;
  }

  private static Requirements one() {
    return Requirements.atLeast(1, 512, 1024);
  }

  private static RunRow row(RunId run) {
    return new RunReader(fixture.api).get(run).orElseThrow();
  }

  private static FleetRow fleet() {
    return new FleetReader(fixture.api).get(FLEET).orElseThrow();
  }

  private static List<String> events(RunId run) {
    return new EventReader(fixture.api)
            .list(
                new EventQuery(
                    null,
                    null,
                    new EventQuery.Within.Runs(List.of(run)),
                    null,
                    null,
                    null,
                    null,
                    100,
                    true))
            .stream()
            .map(EventRow::message)
            .toList();
  }

  private static String log(String run, JobId job) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    fixture
        .logs
        .read(new LogKey("main", run, job), new LogQuery(null, null, false, null, 1_000))
        .frames()
        .forEach(frame -> text.writeBytes(frame.bytes()));
    return text.toString(UTF_8);
  }
}
