package dev.dstack.workflows.instance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.world.Scripts;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Hosts of one's own that go away in each phase, come back or do not, or have sick accelerators.
 */
class HostFaultsTest {
  private static final Duration PATIENCE = Duration.ofMinutes(15);
  private static final RunPlan.RetryPlan RETRY =
      new RunPlan.RetryPlan(Set.of(RetryEvent.NO_CAPACITY, RetryEvent.ERROR), Duration.ofHours(2));

  private Stage stage;

  @BeforeEach
  void open() {
    stage = new Stage(600);
    stage.world.patience(PATIENCE);
  }

  @AfterEach
  void close() {
    stage.close();
  }

  private FleetRef hosts(String... names) {
    List<FleetPlan.Host> hosts = new ArrayList<>();
    for (String name : names) {
      hosts.add(new FleetPlan.Host(hosts.size(), name, 22, "root", null, null));
    }
    return stage.startFleet(
        "f",
        new FleetPlan(
            BackendType.SSH,
            hosts.size(),
            hosts.size(),
            hosts.size(),
            Stage.cpus(0),
            new Sharing.Whole(),
            null,
            false,
            List.of(),
            hosts));
  }

  private List<InstanceView> instances(String name) {
    return stage.world.see(
        () ->
            stage.world.instances.values().stream()
                .filter(one -> one.name().equals(name))
                .toList());
  }

  private InstanceView last(String name) {
    return instances(name).getLast();
  }

  private JobView lastJob(RunId run) {
    return stage.world.jobsOf(run).getLast();
  }

  @Test
  void oneThatIsAwayFromTheBeginningIsLookedForAgainAndAgain() {
    stage.world.powerOff("f-1");
    FleetRef fleet = hosts("one", "two");
    stage.awaitReady(1);
    stage.await(
        "the fleet says which one is missing",
        () -> {
          String message = stage.world.fleets.get(fleet.id()).statusMessage();
          return message != null && message.contains("two: ") && message.contains("nobody answers");
        });
    assertThat(last("f-1").reason()).isEqualTo(InstanceTerminationReason.PROVISIONING_TIMEOUT);
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(id, "hello").status())
        .as("the other host is of use meanwhile")
        .isEqualTo(RunStatus.DONE);
    stage.world.powerOn("f-1");
    stage.awaitReady(2);
    assertThat(last("f-0").status()).isEqualTo(InstanceStatus.IDLE);
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
  }

  @Test
  void oneThatWasIdleIsTheSameInstanceADayLater() {
    FleetRef fleet = hosts("one");
    stage.awaitReady(1);
    stage.world.powerOff("f-0");
    stage.await("it is missed", () -> last("f-0").host() == HostState.UNREACHABLE);
    RunId early = stage.submit("early", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(early, "early").status()).isEqualTo(RunStatus.FAILED);
    assertThat(lastJob(early).reasonMessage()).contains("instance f-0: is unreachable");
    stage.pass(Duration.ofDays(1));
    assertThat(last("f-0").host()).isEqualTo(HostState.UNREACHABLE);
    stage.world.powerOn("f-0");
    stage.await("it is back", () -> last("f-0").host() == HostState.HEALTHY);
    assertThat(instances("f-0")).hasSize(1);
    RunId late = stage.submit("late", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(late, "late").status()).isEqualTo(RunStatus.DONE);
    stage.deleteFleet(fleet);
  }

  @Test
  void twelveMinutesOfSilenceDoNotDisturbAJob() {
    FleetRef fleet = hosts("one");
    stage.awaitReady(1);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(30), 0));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.world.powerOff("f-0");
    stage.await("it is missed", () -> last("f-0").host() == HostState.UNREACHABLE);
    stage.pass(Duration.ofMinutes(12));
    assertThat(stage.world.run(id).status()).isEqualTo(RunStatus.RUNNING);
    stage.world.powerOn("f-0");
    stage.await("it is back", () -> last("f-0").host() == HostState.HEALTHY);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.world.jobsOf(id)).hasSize(1);
    assertThat(stage.world.executed.values()).containsOnly(1);
    stage.deleteFleet(fleet);
    assertThat(stage.world.taskCount()).isZero();
  }

  @Test
  void oneThatNeverComesBackLosesItsJobAndAnotherHostTakesIt() {
    FleetRef fleet = hosts("one", "two");
    stage.awaitReady(2);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofHours(1), 0));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1, RETRY));
    stage.awaitStatus(id, RunStatus.RUNNING);
    String lost = lastJob(id).placement().instanceName();
    Instant before = stage.now();
    stage.world.powerOff(lost);
    stage.await("the job is tried again", () -> stage.world.jobsOf(id).size() == 2);
    assertThat(Duration.between(before, stage.now())).isGreaterThanOrEqualTo(PATIENCE);
    assertThat(stage.world.jobsOf(id).getFirst().reason())
        .isEqualTo(JobTerminationReason.INSTANCE_UNREACHABLE);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    assertThat(last(lost).status()).as("a host is never given up").isEqualTo(InstanceStatus.IDLE);
    assertThat(last(lost).host()).isEqualTo(HostState.UNREACHABLE);
    stage.world.powerOn(lost);
    stage.await("it is back", () -> last(lost).host() == HostState.HEALTHY);
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
  }

  @Test
  void sickAcceleratorsKeepTheirJobAndGetNoOther() {
    FleetRef fleet = hosts("one");
    stage.awaitReady(1);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(10), 0));
    RunId first = stage.submit("first", Stage.plan(List.of(fleet), 1));
    stage.awaitStatus(first, RunStatus.RUNNING);
    stage.world.ill("f-0", "GPU 0: memory");
    assertThat(stage.end(first, "first").status()).isEqualTo(RunStatus.DONE);

    RunId second = stage.submit("second", Stage.plan(List.of(fleet), 1, RETRY));
    stage.awaitStatus(second, RunStatus.PENDING);
    assertThat(stage.fleet(fleet).why(second).requests())
        .singleElement()
        .satisfies(
            standing ->
                assertThat(standing.refusals().toString())
                    .contains("f-0")
                    .contains("has failing accelerators: GPU 0: memory"));
    stage.pass(Duration.ofMinutes(20));
    assertThat(stage.world.run(second).status()).isEqualTo(RunStatus.PENDING);
    assertThat(last("f-0").host()).isEqualTo(HostState.HEALTHY);
    stage.world.ill("f-0", null);
    assertThat(stage.end(second, "second").status()).isEqualTo(RunStatus.DONE);
    stage.deleteFleet(fleet);
  }
}
