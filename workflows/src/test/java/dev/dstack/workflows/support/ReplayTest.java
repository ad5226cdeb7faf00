package dev.dstack.workflows.support;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.FleetWorkflowTest;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.volume.VolumeWorkflowTest;
import dev.dstack.workflows.world.Scripts;
import dev.dstack.workflows.world.Stage;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

/**
 * The code of today must be able to go on with the histories of yesterday. Histories are recorded
 * once per logic version with {@code -Ddstack.record-histories=true}, which leaves alone what is
 * there, and never deleted.
 */
class ReplayTest {
  private static final Path HISTORIES = Path.of("src/test/resources/histories");

  @Test
  void everyRecordedHistoryReplays() throws Exception {
    if (Boolean.getBoolean("dstack.record-histories")) {
      record(HISTORIES.resolve("v" + Versions.CURRENT));
    }
    if (Set.of("true", "fleet").contains(System.getProperty("dstack.record-histories", ""))) {
      recordFleet(HISTORIES.resolve("v" + Versions.CURRENT));
    }
    if (Set.of("true", "volume").contains(System.getProperty("dstack.record-histories", ""))) {
      recordVolume(HISTORIES.resolve("v" + Versions.CURRENT));
    }
    if (Set.of("true", "nodes").contains(System.getProperty("dstack.record-histories", ""))) {
      recordNodes(HISTORIES.resolve("v" + Versions.CURRENT));
    }
    List<Path> files;
    try (Stream<Path> all = Files.walk(HISTORIES)) {
      files = all.filter(file -> file.toString().endsWith(".json.gz")).sorted().toList();
    }
    Set<String> types = new TreeSet<>();
    try (TestWorkflowEnvironment env =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(DataConverters.create())
                        .build())
                .build())) {
      // Not a deadlock: the first histories load many classes, on a machine with other work.
      WorkerOptions patient =
          WorkerOptions.newBuilder().setDefaultDeadlockDetectionTimeout(60_000).build();
      Worker worker = env.newWorker(TaskQueues.CONTROL, patient);
      worker.registerWorkflowImplementationTypes(WorkflowTypes.options(), WorkflowTypes.all());
      for (Path file : files) {
        WorkflowExecutionHistory history = read(file);
        WorkflowReplayer.replayWorkflowExecution(history, worker);
        types.add(
            history
                .getEvents()
                .getFirst()
                .getWorkflowExecutionStartedEventAttributes()
                .getWorkflowType()
                .getName());
      }
    }
    assertThat(types)
        .as("each workflow type has a recorded history")
        .contains("Fleet", "Instance", "Job", "Run", "Sweep", "SweepPass", "Volume");
  }

  private static WorkflowExecutionHistory read(Path file) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return WorkflowExecutionHistory.fromJson(json);
    }
  }

  /** A done run, a retried one, a stopped gang; their jobs, instances and fleets. */
  private static void record(Path into) throws IOException {
    Files.createDirectories(into);
    try (Stage stage = new Stage(600)) {
      stage.world.offer(Stage.offer("box", 4, 0));
      FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(2, 2, new Sharing.ByRequest()));
      stage.awaitReady(2);
      stage.world.jobsDo(new Scripts.Exits(Duration.ofSeconds(5), 0));
      RunId done = stage.submit("done", Stage.plan(List.of(fleet), 1));
      stage.end(done, "done");

      int before = stage.world.executed.size();
      stage.world.jobsDo(
          _ ->
              new Scripts.Exits(
                  Duration.ofSeconds(1), stage.world.executed.size() == before + 1 ? 1 : 0));
      RunPlan.RetryPlan retry =
          new RunPlan.RetryPlan(
              Set.of(RetryEvent.ERROR, RetryEvent.NO_CAPACITY), Duration.ofHours(1));
      RunId retried = stage.submit("retried", Stage.plan(List.of(fleet), 1, retry));
      stage.end(retried, "retried");

      stage.world.jobsDo(Scripts.forever());
      RunId stopped = stage.submit("stopped", Stage.plan(List.of(fleet), 2));
      stage.awaitStatus(stopped, RunStatus.RUNNING);
      stage.stop(stopped, "stopped", false);
      stage.end(stopped, "stopped");

      stage.world.pullingTakes(Duration.ofMinutes(1));
      stage.world.jobsDo(new Scripts.Unused(Duration.ofMinutes(1)));
      RunId unused = stage.submit("unused", Stage.plan(List.of(fleet), 1));
      stage.end(unused, "unused");

      stage.world.silence(true);
      stage.pass(Duration.ofMinutes(5));
      List<InstanceId> instances = List.copyOf(stage.world.instances.keySet());
      stage.deleteFleet(fleet);

      write(stage, into, "run-done", WorkflowIds.run("main", "done"));
      write(stage, into, "run-retried", WorkflowIds.run("main", "retried"));
      write(stage, into, "run-stopped-gang", WorkflowIds.run("main", "stopped"));
      write(stage, into, "job-done", WorkflowIds.job(done, 0, 0, 0));
      write(stage, into, "job-failed", WorkflowIds.job(retried, 0, 0, 0));
      write(stage, into, "job-stopped", WorkflowIds.job(stopped, 0, 1, 0));
      write(stage, into, "job-pulled-unused", WorkflowIds.job(unused, 0, 0, 0));
      write(stage, into, "instance-revived", WorkflowIds.instance(instances.getFirst()));
      write(stage, into, "fleet-deleted", WorkflowIds.fleet("main", "local"));
    }
  }

  /** A cluster: filled, changed, taken apart. */
  private static void recordFleet(Path into) throws IOException {
    Files.createDirectories(into);
    try (Stage stage = new Stage(600)) {
      FleetWorkflowTest.live(stage);
      write(stage, into, "fleet-cluster", WorkflowIds.fleet("main", "near"));
      for (InstanceId instance : stage.world.instances.keySet()) {
        write(stage, into, "instance-forgotten", WorkflowIds.instance(instance));
        break;
      }
    }
  }

  /** Three nodes, the master first and its end the end of all; a gang that fails and is retried. */
  private static void recordNodes(Path into) throws IOException {
    Files.createDirectories(into);
    try (Stage stage = new Stage(600)) {
      stage.world.offer(Stage.offer("box", 4, 0));
      FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(3, 3, new Sharing.Whole()));
      stage.awaitReady(3);
      RunId ordered = new RunId(new UUID(8, 1));
      JobId master = JobId.of(ordered, 0, 0, 0);
      stage.world.jobsDo(
          job ->
              job.equals(master) ? new Scripts.Exits(Duration.ofMinutes(1), 0) : Scripts.forever());
      stage.submit(
          ordered,
          "ordered",
          Stage.plan(List.of(fleet), 3)
              .withNodes(
                  new RunPlan.NodesPlan(StartupOrder.MASTER_FIRST, StopCriteria.MASTER_DONE)));
      stage.end(ordered, "ordered");
      stage.result(WorkflowIds.job(ordered, 0, 1, 0));

      RunId again = new RunId(new UUID(8, 2));
      JobId failing = JobId.of(again, 0, 1, 0);
      stage.world.jobsDo(
          job -> new Scripts.Exits(Duration.ofMinutes(1), job.equals(failing) ? 1 : 0));
      RunPlan.RetryPlan retry =
          new RunPlan.RetryPlan(Set.of(RetryEvent.ERROR), Duration.ofHours(1));
      stage.submit(
          again,
          "again",
          Stage.plan(List.of(fleet), 2, retry)
              .withNodes(new RunPlan.NodesPlan(StartupOrder.WORKERS_FIRST, StopCriteria.ALL_DONE)));
      stage.end(again, "again");
      stage.deleteFleet(fleet);

      write(stage, into, "run-nodes-ordered", WorkflowIds.run("main", "ordered"));
      write(stage, into, "run-nodes-retried", WorkflowIds.run("main", "again"));
      write(stage, into, "job-node-dismissed", WorkflowIds.job(ordered, 0, 1, 0));
    }
  }

  /** Made, attached twice, refused, deleted. */
  private static void recordVolume(Path into) {
    try (Stage stage = new Stage(600)) {
      VolumeWorkflowTest.live(stage);
      write(stage, into, "volume-deleted", WorkflowIds.volume("main", "data"));
    }
  }

  private static void write(Stage stage, Path into, String name, String workflowId) {
    Path file = into.resolve(name + ".json.gz");
    if (Files.exists(file)) {
      return;
    }
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      String json = stage.history(workflowId).toJson(false);
      out.write(json.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
