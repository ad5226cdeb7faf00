package dev.dstack.workflows.world;

import static java.util.Comparator.comparing;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.offer.Requirements;
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

  @Test
  void everyFaultAtEveryCall() {
    List<Call> calls = new ArrayList<>();
    List<String> failures = Collections.synchronizedList(new ArrayList<>());
    try (Stage stage = new Stage(cacheSize())) {
      RunView end = live(stage, null, null, failures);
      assertThat(end.status()).isEqualTo(RunStatus.DONE);
      calls.addAll(stage.faults.seen());
    }
    assertThat(failures).isEmpty();
    assertThat(new TreeSet<>(calls.stream().map(Call::activity).toList()))
        .as("activities that the scenario calls")
        .contains(
            "agent.SubmitTask",
            "agent.WatchTask",
            "agent.RemoveTask",
            "volume.AttachVolumes",
            "volume.DetachVolumes",
            "cloud.TerminateMachine",
            "signal.FleetReserve",
            "signal.RunFleetAnswered",
            "view.ProjectRun");
    Map<Kind, Integer> bites = Collections.synchronizedMap(new EnumMap<>(Kind.class));
    // A lost workflow task is missed after seconds of real time, so several lives run at once.
    try (ExecutorService lives = Executors.newFixedThreadPool(4)) {
      List<Kind> slowFirst = kinds().stream().sorted(comparing(k -> k != Kind.RESTART)).toList();
      for (Kind kind : slowFirst) {
        for (Call call : calls) {
          lives.execute(() -> bites.merge(kind, live(call, kind, failures), Integer::sum));
        }
      }
    }
    assertThat(failures).isEmpty();
    // A call may not come in the same number when things happen at another time; most do.
    bites.forEach(
        (kind, times) -> assertThat(times).as("%s", kind).isGreaterThan(calls.size() / 2));
  }

  private int live(Call call, Kind kind, List<String> failures) {
    try (Stage stage = new Stage(cacheSize())) {
      live(stage, call, kind, failures);
      return stage.faults.bitten();
    } catch (RuntimeException | AssertionError e) {
      failures.add(kind + " at " + call + ": " + e);
      return 0;
    }
  }

  /** Fleet, run of two attempts with a volume, end of the fleet; every activity takes part. */
  private RunView live(Stage stage, Call call, Kind kind, List<String> failures) {
    boolean stopped = scenario == Scenario.STOPPED;
    stage.faults.record();
    stage.world.offer(Stage.offer("box", 4, 0));
    FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
    stage.awaitReady(1);
    Requirements small = Stage.cpus(1);
    RunPlan plan =
        new RunPlan(
            "task",
            0,
            null,
            null,
            Duration.ofSeconds(10),
            List.of(),
            List.of(fleet),
            true,
            List.of(new RunPlan.JobPlan(0, 0, "hello-0-0", small, List.of("data"))));
    stage.world.jobsDo(
        stopped ? Scripts.forever() : new Scripts.Exits(Duration.ofSeconds(5), 0));
    RunId id = new RunId(new java.util.UUID(7, 7));
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
    stage.submit(id, "hello", plan);
    if (stopped) {
      stage.awaitStatus(id, RunStatus.RUNNING);
      stage.stop(id, "hello", false);
    }
    String what = kind + " at " + call;
    RunView end = stage.end(id, "hello");
    stage.result(WorkflowIds.job(id, 0, 0, 0), true);
    stage.deleteFleet(fleet);
    check(stage, id, end, what, failures);
    return end;
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

  private static void check(
      Stage stage, RunId id, RunView end, String what, List<String> failures) {
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
