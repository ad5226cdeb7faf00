package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.instance.InstanceWorkflow;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Faults.Call;
import dev.dstack.workflows.world.Faults.Kind;
import dev.dstack.workflows.world.Scripts;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Fleets and instances as people see them. */
public class FleetWorkflowTest {
  private static final BackendType CLOUD = new BackendType("cloud");

  private Stage stage;

  int cacheSize() {
    return 600;
  }

  @BeforeEach
  void open() {
    stage = new Stage(cacheSize());
  }

  @AfterEach
  void close() {
    stage.close();
  }

  private static FleetPlan plan(int min, int max, @Nullable Duration idle) {
    return new FleetPlan(CLOUD, min, min, max, Stage.cpus(1), new Sharing.Whole(), idle);
  }

  private void offer(String type, double price) {
    stage.world.offer(Stage.offer(CLOUD, type, 4, price, false));
  }

  private List<InstanceView> instances() {
    return List.copyOf(stage.world.instances.values());
  }

  @Test
  void anInstanceIsMadeOnDemandFromTheNextOfferThatCanBeHad() {
    offer("cheap", 1);
    offer("dear", 2);
    stage.world.refuse("cheap", ErrorKind.NO_CAPACITY);
    FleetRef fleet = stage.startFleet("f", plan(0, 2, null));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    assertThat(instances())
        .extracting(one -> one.offer().instanceType() + " " + one.status())
        .containsExactly("cheap TERMINATED", "dear IDLE");
    assertThat(stage.world.story()).contains("Run status changed SUBMITTED -> PROVISIONING");
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
  }

  @Test
  void aClusterIsMadeChangedAndTakenApart() {
    live(stage);
    assertThat(stage.world.story())
        .contains("Fleet configuration updated")
        .contains(
            "Instance does not count as one of the fleet any more, its accelerators fail:"
                + " GPU 0: memory")
        .anyMatch(text -> text.contains("ann says that the machine is gone"));
  }

  /** A cluster of a cloud: the first machine alone, one deleted, one declared gone. */
  public static void live(Stage stage) {
    stage.world.offer(Stage.offer(CLOUD, "box", 4, 1, false));
    FleetPlan plan =
        new FleetPlan(
            CLOUD,
            2,
            2,
            4,
            Stage.cpus(1),
            new Sharing.Blocks(2),
            Duration.ofMinutes(5),
            true,
            List.of(),
            List.of());
    FleetRef fleet = stage.startFleet("near", plan);
    stage.awaitReady(2);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofSeconds(5), 0));
    RunId both = stage.submit("both", Stage.plan(List.of(fleet), 2));
    assertThat(stage.end(both, "both").status()).isEqualTo(RunStatus.DONE);
    stage.fleet(fleet).deleteInstances(new InstanceRemoval(List.of(1), false, "ann"));
    stage.await("another in its place", () -> hasIdle(stage, 3));
    String sick =
        stage.world.instances.values().stream()
            .filter(one -> one.status() == InstanceStatus.IDLE)
            .map(InstanceView::name)
            .reduce((_, last) -> last)
            .orElseThrow();
    stage.world.ill(sick, "GPU 0: memory");
    stage.await("one that takes jobs in place of one that does not", () -> hasIdle(stage, 4));
    stage.fleet(fleet).reconfigure(Stage.fleetPlan(1, 4, new Sharing.Whole()));
    stage.await(
        "the configuration is taken over",
        () -> stage.world.story().contains("Fleet configuration updated"));
    stage.fleet(fleet).deleteInstances(new InstanceRemoval(List.of(0), true, "ann"));
    stage.await(
        "the forgotten one is shown as ended",
        () ->
            stage.world.instances.values().stream()
                    .filter(one -> one.status() == InstanceStatus.TERMINATED)
                    .count()
                >= 2);
    stage.deleteFleet(fleet);
  }

  private static boolean hasIdle(Stage stage, int made) {
    return stage.world.instances.size() == made
        && stage.world.instances.values().stream()
                .filter(one -> one.status() == InstanceStatus.IDLE)
                .count()
            == 2;
  }

  @Test
  void aRunWaitsForAnInstanceThatIsOnItsWay() {
    offer("one", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    // At once: the instance of the minimum has not been made yet.
    RunId first = stage.submit("first", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(first, "first").status()).isEqualTo(RunStatus.DONE);
    assertThat(instances()).hasSize(1);
  }

  @Test
  void withoutAnyOfferTheReasonIsTold() {
    offer("cheap", 1);
    stage.world.refuse("cheap", ErrorKind.QUOTA_EXCEEDED);
    FleetRef fleet = stage.startFleet("f", plan(0, 2, null));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(stage.world.jobsOf(id).getFirst().reasonMessage())
        .contains("none of 1 offers of backend cloud could be had");
    stage.deleteFleet(fleet);
  }

  @Test
  void idleInstancesAboveTheMinimumGo() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 2, Duration.ofMinutes(5)));
    stage.awaitReady(1);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(1), 0));
    RunId a = stage.submit("a", Stage.plan(List.of(fleet), 1));
    RunId b = stage.submit("b", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(a, "a").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.end(b, "b").status()).isEqualTo(RunStatus.DONE);
    assertThat(instances()).hasSize(2);
    stage.await("one left", () -> stage.world.machineCount() == 1);
    stage.pass(Duration.ofHours(1));
    assertThat(stage.world.machineCount()).isEqualTo(1);
    assertThat(stage.world.story())
        .anyMatch(text -> text.contains("Termination reason: IDLE_TIMEOUT"));
    stage.deleteFleet(fleet);
  }

  @Test
  void aDeletedFleetWaitsForItsJobs() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(30), 0));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.fleet(fleet).delete();
    RunId late = stage.submit("late", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(late, "late").status()).isEqualTo(RunStatus.FAILED);
    assertThat(stage.world.jobsOf(late).getFirst().reasonMessage()).contains("is being deleted");
    assertThat(stage.world.fleets.get(fleet.id()).status()).isEqualTo(FleetStatus.TERMINATING);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    stage.result(WorkflowIds.fleet("main", "f"));
    assertThat(stage.world.machineCount()).isZero();
    assertThat(stage.world.fleets.get(fleet.id()).status()).isEqualTo(FleetStatus.TERMINATED);
  }

  @Test
  void aSilentAgentIsBroughtBack() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    stage.world.silence(true);
    stage.await(
        "seen unreachable",
        () -> stage.world.story().stream().anyMatch(t -> t.contains("became unreachable")));
    stage.await("healthy", () -> instances().getFirst().host() == HostState.HEALTHY);
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    stage.deleteFleet(fleet);
  }

  @Test
  void aCloudMachineThatStaysSilentIsReplaced() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    stage.world.breakDown(true);
    stage.await("replaced", () -> instances().size() == 2);
    assertThat(instances().getFirst().status()).isEqualTo(InstanceStatus.TERMINATED);
    stage.awaitReady(1);
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
  }

  /** As of a request that arrived after its run had ended. */
  @Test
  void claimsWithoutAnOwnerAreTakenBack() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    RunId ghost = new RunId(new UUID(6, 6));
    JobId job = JobId.of(ghost, 0, 0, 0);
    stage
        .fleet(fleet)
        .reserve(
            new ReserveRequest(
                ghost + "/0.0",
                "run:main:ghost",
                ghost,
                "ghost",
                0,
                stage.now(),
                List.of(
                    new ReserveRequest.Wanted(
                        job, "ghost-0-0", WorkflowIds.job(ghost, 0, 0, 0), Stage.cpus(1))),
                null,
                false));
    stage.await("claimed", () -> stage.world.claims.containsKey(job));
    stage.faults.inject(new Call("signal.ClosedWorkflows", 1), Kind.FAIL, () -> {});
    stage.faults.record();
    stage.await("taken back", () -> stage.world.claims.isEmpty());
    assertThat(stage.faults.bitten()).isEqualTo(1);
    stage.deleteFleet(fleet);
  }

  @Test
  void aLongHistoryIsLeftBehindWithoutLosingAnything() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    stage.world.jobsDo(new Scripts.Exits(Duration.ofHours(5), 0));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    String workflow = WorkflowIds.fleet("main", "f");
    String first = stage.execution(workflow);
    for (int i = 0; i < 210; i++) {
      stage.fleet(fleet).release(ReleaseRequest.all(new RunId(new UUID(1, i))));
    }
    stage.pass(Duration.ofMinutes(70));
    assertThat(stage.execution(workflow)).isNotEqualTo(first);
    assertThat(stage.fleet(fleet).state().grants()).hasSize(1);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    stage.await("released", () -> stage.world.claims.isEmpty());
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
  }

  /** The start of a child has to be awaited before; what comes in then is no longer looked at. */
  @Test
  void whatArrivesDuringTheMoveToAFreshHistoryIsNotLost() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(0, 2, null));
    String workflow = WorkflowIds.fleet("main", "f");
    String first = stage.execution(workflow);
    RunId late = new RunId(new UUID(8, 8));
    AtomicBoolean sent = new AtomicBoolean();
    stage.world.whenFleetShown =
        view -> {
          boolean starts =
              view.events().stream().anyMatch(e -> e.message().contains("Instance created for"));
          if (starts && sent.compareAndSet(false, true)) {
            stage.fleet(fleet).reserve(request(late, "late"));
          }
        };
    stage.whileWorkersHoldStill(
        () -> {
          for (int i = 0; i < 2_000; i++) {
            stage.fleet(fleet).release(ReleaseRequest.all(new RunId(new UUID(1, i))));
          }
          stage.submit("hello", Stage.plan(List.of(fleet), 1));
        });
    stage.await("claimed", () -> stage.world.claims.containsKey(JobId.of(late, 0, 0, 0)));
    assertThat(sent).isTrue();
    stage.await("the fresh history", () -> !stage.execution(workflow).equals(first));
  }

  private ReserveRequest request(RunId run, String name) {
    return new ReserveRequest(
        run + "/0.0",
        WorkflowIds.run("main", name),
        run,
        name,
        0,
        stage.now(),
        List.of(
            new ReserveRequest.Wanted(
                JobId.of(run, 0, 0, 0),
                name + "-0-0",
                WorkflowIds.job(run, 0, 0, 0),
                Stage.cpus(1))),
        null,
        true);
  }

  @Test
  void anInstanceLeavesALongHistoryBehindToo() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    String workflow = WorkflowIds.instance(instances().getFirst().id());
    String first = stage.execution(workflow);
    for (int i = 1; i <= 12; i++) {
      goSilentAndComeBack(i);
    }
    stage.await("in a fresh history", () -> !stage.execution(workflow).equals(first));
    // It watches there as well.
    goSilentAndComeBack(13);
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    stage.deleteFleet(fleet);
    assertThat(stage.world.machineCount()).isZero();
    assertThat(stage.world.complaints).isEmpty();
  }

  private void goSilentAndComeBack(int time) {
    stage.world.silence(true);
    stage.await(
        "back for the " + time + ". time",
        () ->
            stage.world.story().stream().filter(t -> t.contains("became reachable")).count()
                >= time);
  }

  @Test
  void anInstanceTellsWhatItIs() {
    offer("box", 1);
    FleetRef fleet = stage.startFleet("f", plan(1, 1, null));
    stage.awaitReady(1);
    InstanceView view = instances().getFirst();
    assertThat(view.name()).isEqualTo("f-0");
    assertThat(view.hostname()).isEqualTo("host-f-0");
    InstanceWorkflow instance =
        stage.client().newWorkflowStub(InstanceWorkflow.class, WorkflowIds.instance(view.id()));
    assertThat(instance.state().providerId()).isEqualTo(view.providerId());
    stage.deleteFleet(fleet);
  }
}
