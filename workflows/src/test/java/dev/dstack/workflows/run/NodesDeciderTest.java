package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.config.Cron;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.run.RunPlan.NodesPlan;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In which order nodes start, what ends them, and what is shown before they run. */
class NodesDeciderTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final FleetRef FLEET = new FleetRef(new FleetId(new UUID(1, 1)), "main", "a");
  private static final RunId RUN = new RunId(new UUID(2, 2));
  private static final int NODES = 3;

  private RunInput input = input(null, null);
  private RunState state = RunState.initial(input);
  private List<RunCommand> commands = List.of();
  private long seq;

  private static RunInput input(@Nullable NodesPlan nodes, RunPlan.@Nullable RetryPlan retry) {
    RunPlan plan = Stage.plan(List.of(FLEET), NODES, retry).withNodes(nodes);
    return RunInput.first(RUN, Stage.PROJECT, "main", "r", Stage.USER, "ann", NOW, plan);
  }

  private void begin(StartupOrder order, StopCriteria criteria, RunPlan.@Nullable RetryPlan retry) {
    input = input(new NodesPlan(order, criteria), retry);
    state = RunState.initial(input);
    feed(new RunEvent.Begin());
    String request =
        commands.stream()
            .filter(RunCommand.Ask.class::isInstance)
            .map(command -> ((RunCommand.Ask) command).request().requestId())
            .findFirst()
            .orElseThrow();
    List<Placement> placements = new ArrayList<>();
    for (int node = NODES - 1; node >= 0; node--) {
      Offer offer = Stage.offer("box", 4, 0);
      placements.add(
          Placement.whole(
              job(node), new InstanceId(new UUID(3, node)), "a-" + node, node, FLEET, offer));
    }
    feed(new RunEvent.Answered(new FleetAnswer.Granted(request, FLEET, placements)));
  }

  private void feed(RunEvent event) {
    RunDecider.Decision decision = RunDecider.decide(input, state, event, NOW, Cron::nextAfter);
    state = decision.state();
    commands = decision.commands();
  }

  private static JobId job(int node) {
    return JobId.of(RUN, 0, node, 0);
  }

  private void reported(int node, JobStatus status, @Nullable JobTerminationReason reason) {
    feed(
        new RunEvent.Reported(
            new JobReport(job(node), 0, node, 0, ++seq, status, reason, "", null)));
  }

  private List<Integer> started() {
    return commands.stream()
        .filter(RunCommand.StartJob.class::isInstance)
        .map(command -> ((RunCommand.StartJob) command).job().jobNum())
        .toList();
  }

  private List<String> stopped() {
    return commands.stream()
        .filter(RunCommand.StopJob.class::isInstance)
        .map(command -> ((RunCommand.StopJob) command))
        .map(stop -> stop.jobWorkflowId().substring(stop.jobWorkflowId().lastIndexOf(':') + 1))
        .toList();
  }

  private List<JobView> shown() {
    return commands.stream()
        .filter(RunCommand.ShowJobs.class::isInstance)
        .flatMap(command -> ((RunCommand.ShowJobs) command).views().stream())
        .toList();
  }

  @Test
  void anyStartsAllAtOnceAfterAllAreShown() {
    begin(StartupOrder.ANY, StopCriteria.ALL_DONE, null);
    assertThat(commands.getFirst()).isInstanceOf(RunCommand.ShowJobs.class);
    assertThat(shown())
        .hasSize(NODES)
        .allSatisfy(
            view -> {
              assertThat(view.status()).isEqualTo(JobStatus.PROVISIONING);
              assertThat(view.placement()).isNotNull();
            });
    assertThat(started()).containsExactly(0, 1, 2);
    assertThat(state.status()).isEqualTo(RunStatus.PROVISIONING);
  }

  @Test
  void masterFirstHoldsTheWorkersUntilTheMasterRuns() {
    begin(StartupOrder.MASTER_FIRST, StopCriteria.ALL_DONE, null);
    assertThat(started()).containsExactly(0);
    reported(0, JobStatus.PULLING, null);
    assertThat(started()).isEmpty();
    reported(0, JobStatus.RUNNING, null);
    assertThat(started()).containsExactly(1, 2);
    assertThat(state.replicas().getFirst().held()).isEmpty();
  }

  @Test
  void workersFirstHoldsTheMasterUntilAllWorkersRunOrAreDone() {
    begin(StartupOrder.WORKERS_FIRST, StopCriteria.ALL_DONE, null);
    assertThat(started()).containsExactly(1, 2);
    reported(2, JobStatus.RUNNING, null);
    reported(2, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(started()).isEmpty();
    reported(1, JobStatus.RUNNING, null);
    assertThat(started()).containsExactly(0);
  }

  @Test
  void allDoneWaitsForTheWorkers() {
    begin(StartupOrder.ANY, StopCriteria.ALL_DONE, null);
    reported(0, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(state.status().isFinal()).isFalse();
    assertThat(stopped()).isEmpty();
    reported(1, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    reported(2, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(state.status()).isEqualTo(RunStatus.DONE);
  }

  @Test
  void masterDoneEndsTheWorkersAsDone() {
    begin(StartupOrder.ANY, StopCriteria.MASTER_DONE, null);
    reported(0, JobStatus.RUNNING, null);
    reported(0, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(state.status()).isEqualTo(RunStatus.TERMINATING);
    assertThat(state.reason()).isEqualTo(RunTerminationReason.ALL_JOBS_DONE);
    assertThat(stopped()).containsExactly("0.1.0", "0.2.0");
    assertThat(commands)
        .filteredOn(RunCommand.StopJob.class::isInstance)
        .extracting(command -> ((RunCommand.StopJob) command).stop().reason())
        .containsOnly(JobTerminationReason.DONE_BY_RUNNER);
    reported(1, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    reported(2, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(state.status()).isEqualTo(RunStatus.DONE);
  }

  @Test
  void aWorkerThatIsDoneIsNotTheMaster() {
    begin(StartupOrder.ANY, StopCriteria.MASTER_DONE, null);
    reported(1, JobStatus.DONE, JobTerminationReason.DONE_BY_RUNNER);
    assertThat(state.status()).isNotEqualTo(RunStatus.TERMINATING);
  }

  @Test
  void aNodesFailureTerminatesTheOthers() {
    begin(StartupOrder.ANY, StopCriteria.ALL_DONE, null);
    reported(2, JobStatus.FAILED, JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    assertThat(state.reason()).isEqualTo(RunTerminationReason.JOB_FAILED);
    assertThat(stopped()).containsExactly("0.0.0", "0.1.0");
    assertThat(commands)
        .filteredOn(RunCommand.StopJob.class::isInstance)
        .extracting(command -> ((RunCommand.StopJob) command).stop().reason())
        .containsOnly(JobTerminationReason.TERMINATED_BY_SERVER);
  }

  @ParameterizedTest
  @EnumSource(
      value = StartupOrder.class,
      names = {"MASTER_FIRST", "WORKERS_FIRST"})
  void aNodeThatHasNotStartedEndsWithTheRun(StartupOrder order) {
    begin(order, StopCriteria.ALL_DONE, null);
    List<Integer> alive = started();
    feed(new RunEvent.StopAsked(new RunStop(RUN, false, "ann")));
    assertThat(stopped()).hasSize(alive.size());
    List<JobView> ended = new ArrayList<>(shown());
    commands.stream()
        .filter(RunCommand.ShowJob.class::isInstance)
        .forEach(command -> ended.add(((RunCommand.ShowJob) command).view()));
    assertThat(ended).hasSize(NODES - alive.size());
    assertThat(ended)
        .allSatisfy(
            view -> {
              assertThat(view.status()).isEqualTo(JobStatus.TERMINATED);
              assertThat(view.reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
              assertThat(view.placement()).isNotNull();
            });
    alive.forEach(
        node -> reported(node, JobStatus.TERMINATED, JobTerminationReason.TERMINATED_BY_USER));
    assertThat(state.status()).isEqualTo(RunStatus.TERMINATED);
  }

  @Test
  void aRetryIsOneOfTheWholeReplica() {
    begin(
        StartupOrder.MASTER_FIRST,
        StopCriteria.ALL_DONE,
        new RunPlan.RetryPlan(Set.of(RetryEvent.ERROR), Duration.ofHours(1)));
    reported(0, JobStatus.FAILED, JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    assertThat(started()).isEmpty();
    assertThat(state.status()).isEqualTo(RunStatus.PENDING);
    Instant due = RunDecider.deadline(state);
    assertThat(due).isEqualTo(NOW.plusSeconds(15));
    feed(new RunEvent.Tick(due));
    assertThat(state.replicas().getFirst().jobs())
        .extracting(RunState.JobSlot::id)
        .containsExactly(JobId.of(RUN, 0, 0, 1), JobId.of(RUN, 0, 1, 1), JobId.of(RUN, 0, 2, 1));
    assertThat(state.replicas().getFirst().held()).isEmpty();
  }
}
