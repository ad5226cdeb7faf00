package dev.dstack.workflows.world;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.run.RunStop;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Faults.Call;
import dev.dstack.workflows.world.Faults.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/**
 * The whole life of a run, with a fault at every call of every activity, one at a time. Whatever
 * happens, afterwards nothing is left, the run has ended and is shown as it is, and the commands of
 * a run that is done were executed once.
 */
class HarnessTest {
  int cacheSize() {
    return 600;
  }

  /** Which faults; the variant without a cache needs only those that have to do with it. */
  Set<Kind> kinds() {
    return EnumSet.allOf(Kind.class);
  }

  /** A run that ends by itself: fleet, instance, volume, job, end of the fleet. */
  @Test
  void everyFaultAtEveryCall() {
    List<Call> calls = calls(Ending.BY_ITSELF);
    assertThat(new TreeSet<>(calls.stream().map(Call::activity).toList()))
        .as("activities that take part")
        .containsExactly(
            "agent.RemoveTask",
            "agent.SubmitTask",
            "agent.WatchTask",
            "cloud.AwaitHost",
            "cloud.EnsureMachine",
            "cloud.Offers",
            "cloud.TerminateMachine",
            "cloud.WatchHost",
            "signal.FleetInstanceReported",
            "signal.FleetRelease",
            "signal.FleetReserve",
            "signal.InstanceTerminate",
            "signal.RunFleetAnswered",
            "signal.RunJobReported",
            "view.ProjectFleet",
            "view.ProjectInstance",
            "view.ProjectJob",
            "view.ProjectRun",
            "volume.AttachVolumes",
            "volume.DetachVolumes");
    haunt(Ending.BY_ITSELF, kinds(), calls);
  }

  /** What only a stopped run calls. */
  @Test
  void everyFaultAtTheCallsOfAStop() {
    Set<Kind> kinds = EnumSet.copyOf(kinds());
    kinds.removeAll(EnumSet.of(Kind.STOP, Kind.CANCEL));
    List<Call> calls =
        calls(Ending.STOPPED).stream()
            .filter(call -> Set.of("agent.StopTask", "signal.JobStop").contains(call.activity()))
            .toList();
    assertThat(calls).hasSize(2);
    haunt(Ending.STOPPED, kinds, calls);
  }

  @Test
  void everyFaultAtTheAgentOfAJobThatPullsItsImage() {
    List<Call> calls = calls(Ending.PULLED).stream().filter(HarnessTest::isOfTheAgent).toList();
    assertThat(calls).hasSizeGreaterThanOrEqualTo(4);
    haunt(Ending.PULLED, kinds(), calls);
  }

  @Test
  void everyFaultAtTheAgentOfAJobThatARuleEnds() {
    List<Call> calls = calls(Ending.UNUSED).stream().filter(HarnessTest::isOfTheAgent).toList();
    assertThat(calls).extracting(Call::activity).contains("agent.StopTask");
    haunt(Ending.UNUSED, kinds(), calls);
  }

  private static boolean isOfTheAgent(Call call) {
    return call.activity().startsWith("agent.");
  }

  /** The fault bites: where the agent does not know a task again, it is executed twice. */
  @Test
  void withoutIdempotenceADeliveryTooManyIsNoticed() {
    for (Kind kind : List.of(Kind.TWICE, Kind.LOSE_REPLY)) {
      List<String> failures = new ArrayList<>();
      try (Stage stage = new Stage(cacheSize())) {
        stage.world.agentDedupes = false;
        live(stage, Ending.BY_ITSELF, new Call("agent.SubmitTask", 1), kind, failures);
      }
      assertThat(failures).anyMatch(text -> text.contains("executed 2 times"));
    }
  }

  enum Ending {
    BY_ITSELF,
    /** By itself, after the image was pulled. */
    PULLED,
    /** By a rule of its run. */
    UNUSED,
    STOPPED
  }

  private List<Call> calls(Ending ending) {
    List<String> failures = new ArrayList<>();
    try (Stage stage = new Stage(cacheSize())) {
      live(stage, ending, null, null, failures);
      assertThat(failures).isEmpty();
      // The polls of a watch are all alike.
      return stage.faults.seen().stream()
          .filter(call -> !call.activity().contains("Watch") || call.number() <= 2)
          .toList();
    }
  }

  private void haunt(Ending ending, Set<Kind> kinds, List<Call> calls) {
    List<String> failures = Collections.synchronizedList(new ArrayList<>());
    Map<Kind, Integer> bites = Collections.synchronizedMap(new EnumMap<>(Kind.class));
    // Some faults are missed after seconds of real time, so several lives run at once.
    try (ExecutorService lives = Executors.newFixedThreadPool(4)) {
      for (Kind kind : kinds) {
        for (Call call : calls) {
          lives.execute(
              () -> bites.merge(kind, bitten(ending, call, kind, failures), Integer::sum));
        }
      }
    }
    assertThat(failures).isEmpty();
    // A call may not come in the same number when things happen at another time; most do.
    bites.forEach(
        (kind, times) -> assertThat(times).as("%s", kind).isGreaterThan(calls.size() * 3 / 4));
  }

  private int bitten(Ending ending, Call call, Kind kind, List<String> failures) {
    try (Stage stage = new Stage(cacheSize())) {
      live(stage, ending, call, kind, failures);
      return stage.faults.bitten();
    } catch (RuntimeException | AssertionError e) {
      failures.add(kind + " at " + call + ": " + e);
      return 0;
    }
  }

  private void live(Stage stage, Ending ending, Call call, Kind kind, List<String> failures) {
    RunId id = new RunId(new UUID(7, 7));
    boolean stopped = ending == Ending.STOPPED;
    if (kind != null) {
      Runnable action =
          switch (kind) {
            case FAIL, LOSE_REPLY, TWICE, RESTART -> () -> {};
            case STOP -> () -> tell(stage, id, false);
            case ABORT -> () -> tell(stage, id, true);
            case CANCEL ->
                () ->
                    stage
                        .client()
                        .newUntypedWorkflowStub(WorkflowIds.run("main", "hello"))
                        .cancel();
          };
      stage.faults.inject(call, kind, () -> attempt(action));
    }
    stage.faults.record();
    stage.world.offer(Stage.offer("box", 4, 0));
    FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
    stage.awaitReady(1);
    RunPlan plan = Plans.of(fleet, 1, "data").plan();
    stage.world.pullingTakes(ending == Ending.PULLED ? Duration.ofMinutes(1) : Duration.ZERO);
    stage.world.jobsDo(
        switch (ending) {
          case BY_ITSELF -> new Scripts.Exits(Duration.ofSeconds(5), 0);
          case PULLED -> new Scripts.Exits(Duration.ofMinutes(1), 0);
          case UNUSED -> new Scripts.Unused(Duration.ofMinutes(1));
          case STOPPED -> Scripts.forever();
        });
    stage.submit(id, "hello", plan);
    if (stopped) {
      stage.awaitStatus(id, RunStatus.RUNNING);
      stage.stop(id, "hello", false);
    }
    RunView end = stage.end(id, "hello");
    stage.result(WorkflowIds.job(id, 0, 0, 0), true);
    stage.deleteFleet(fleet);
    check(stage, id, end, kind + " at " + call, failures);
  }

  private static void tell(Stage stage, RunId id, boolean abort) {
    stage.run("hello").stop(new RunStop(id, abort, "ann"));
  }

  /** The run may be over already when somebody wants to stop it. */
  private static void attempt(Runnable action) {
    try {
      action.run();
    } catch (io.temporal.client.WorkflowNotFoundException over) {
      // Too late is fine.
    }
  }

  static void check(Stage stage, RunId id, RunView end, String what, List<String> failures) {
    FakeWorld world = stage.world;
    stage.world.see(
        () -> {
          expect(world.taskCount() == 0, what + ": tasks left", failures);
          expect(world.machineCount() == 0, what + ": machines left", failures);
          expect(world.claims.isEmpty(), what + ": claims left " + world.claims, failures);
          expect(!world.anyAttached(), what + ": volumes left", failures);
          expect(world.complaints.isEmpty(), what + ": " + world.complaints, failures);
          expect(end.status().isFinal(), what + ": run is " + end.status(), failures);
          for (JobView job : world.jobsOf(id)) {
            expect(job.status().isFinal(), what + ": job is " + job.status(), failures);
          }
          JobId job = JobId.of(id, 0, 0, 0);
          int executed = world.executed.getOrDefault(job, 0);
          expect(executed <= 1, what + ": executed " + executed + " times", failures);
          if (end.status() == RunStatus.DONE) {
            expect(executed == 1, what + ": done without being executed", failures);
            JobView view = world.jobs.get(job);
            boolean done = view != null && view.status() == JobStatus.DONE;
            expect(done, what + ": run is done, job is " + view, failures);
          }
          boolean gone = world.instances.values().stream().allMatch(one -> one.status().isFinal());
          expect(gone, what + ": instances shown alive", failures);
          return null;
        });
  }

  private static void expect(boolean so, String otherwise, List<String> failures) {
    if (!so) {
      failures.add(otherwise);
    }
  }
}
