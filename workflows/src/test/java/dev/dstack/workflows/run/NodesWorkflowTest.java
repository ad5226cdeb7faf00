package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunPlan.NodesPlan;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Scripts;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Runs of several nodes as people see them. */
class NodesWorkflowTest {
  private static final int NODES = 3;

  private Stage stage;
  private FleetRef fleet;

  int cacheSize() {
    return 600;
  }

  @BeforeEach
  void open() {
    stage = new Stage(cacheSize());
    stage.world.offer(Stage.offer("box", 2, 0));
    fleet = stage.startFleet("cluster", Stage.fleetPlan(NODES, NODES, new Sharing.Whole()));
    stage.awaitReady(NODES);
  }

  @AfterEach
  void close() {
    stage.close();
  }

  private RunPlan plan(int nodes, StartupOrder order, StopCriteria criteria) {
    return Stage.plan(List.of(fleet), nodes).withNodes(new NodesPlan(order, criteria));
  }

  private static int node(JobId job, RunId run) {
    for (int node = 0; node < NODES; node++) {
      if (job.equals(JobId.of(run, 0, node, 0))) {
        return node;
      }
    }
    return -1;
  }

  private void nothingLeft() {
    stage.await("clean", () -> stage.world.taskCount() == 0 && stage.world.claims.isEmpty());
  }

  @Test
  void allNodesRunOnInstancesOfTheirOwnAndEnd() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofSeconds(5), 0));
    RunId id = stage.submit("many", plan(NODES, StartupOrder.ANY, StopCriteria.ALL_DONE));
    RunView end = stage.end(id, "many");

    assertThat(end.status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.world.jobsOf(id))
        .hasSize(NODES)
        .allSatisfy(job -> assertThat(job.status()).isEqualTo(JobStatus.DONE))
        .extracting(job -> job.placement().instance())
        .doesNotHaveDuplicates();
    assertThat(stage.world.executed.values()).containsOnly(1);
    nothingLeft();
    int ofRun = stage.history(WorkflowIds.run("main", "many")).getEvents().size();
    int ofJob = stage.history(WorkflowIds.job(id, 0, 1, 0)).getEvents().size();
    System.out.printf(
        "history events of a run of %d nodes: run %d, a job %d%n", NODES, ofRun, ofJob);
    assertThat(ofJob).isLessThanOrEqualTo(cacheSize() == 0 ? 50 : 40);
  }

  @Test
  void twoGangsThatDoNotFitTogetherRunOneAfterTheOther() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(1), 0));
    RunPlan.RetryPlan retry =
        new RunPlan.RetryPlan(
            java.util.Set.of(dev.dstack.model.job.RetryEvent.NO_CAPACITY), Duration.ofHours(5));
    RunPlan two =
        Stage.plan(List.of(fleet), 2, retry)
            .withNodes(new NodesPlan(StartupOrder.ANY, StopCriteria.ALL_DONE));
    RunId one = stage.submit("one", two);
    RunId other = stage.submit("other", two);
    assertThat(stage.end(one, "one").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.end(other, "other").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.world.executed).hasSize(4);
    nothingLeft();
  }

  @Test
  void theMasterStartsFirstAndItsEndIsTheEnd() {
    stage.world.pullingTakes(Duration.ofMinutes(1));
    RunId id = new RunId(new java.util.UUID(5, 5));
    stage.world.jobsDo(
        job ->
            node(job, id) == 0 ? new Scripts.Exits(Duration.ofMinutes(2), 0) : Scripts.forever());
    stage.submit(id, "ordered", plan(NODES, StartupOrder.MASTER_FIRST, StopCriteria.MASTER_DONE));
    stage.await("the master pulls", () -> stage.world.executed.size() == 1);
    assertThat(stage.world.executed).containsOnlyKeys(JobId.of(id, 0, 0, 0));
    assertThat(stage.world.jobsOf(id))
        .hasSize(NODES)
        .allSatisfy(job -> assertThat(job.placement()).isNotNull());
    RunView end = stage.end(id, "ordered");

    assertThat(end.status()).isEqualTo(RunStatus.DONE);
    assertThat(end.statusMessage()).isEqualTo("exited (0)");
    assertThat(stage.world.executed).hasSize(NODES);
    assertThat(stage.world.jobsOf(id))
        .allSatisfy(job -> assertThat(job.status()).isEqualTo(JobStatus.DONE));
    nothingLeft();
  }

  @Test
  void aNodesFailureIsTheEndOfTheOthers() {
    RunId id = new RunId(new java.util.UUID(5, 6));
    stage.world.jobsDo(
        job ->
            node(job, id) == 2 ? new Scripts.Exits(Duration.ofSeconds(5), 3) : Scripts.forever());
    stage.submit(id, "failing", plan(NODES, StartupOrder.ANY, StopCriteria.ALL_DONE));
    RunView end = stage.end(id, "failing");

    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(stage.world.jobs.get(JobId.of(id, 0, 2, 0)).reason())
        .isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    for (int node = 0; node < 2; node++) {
      JobView job = stage.world.jobs.get(JobId.of(id, 0, node, 0));
      assertThat(job.status()).isEqualTo(JobStatus.TERMINATED);
      assertThat(job.reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_SERVER);
    }
    nothingLeft();
  }
}
