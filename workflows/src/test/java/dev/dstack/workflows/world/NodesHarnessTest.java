package dev.dstack.workflows.world;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * The life of a run of two nodes, the master first and its end the end of all, with a fault at each
 * call that the second node adds. Whatever happens, no node is left, none has run twice.
 */
class NodesHarnessTest {
  private static final RunId RUN = new RunId(new UUID(7, 8));
  private static final Set<String> CALLS =
      Set.of(
          "agent.SubmitTask",
          "agent.StopTask",
          "agent.RemoveTask",
          "signal.RunFleetAnswered",
          "signal.RunJobReported",
          "signal.JobStop",
          "signal.FleetRelease",
          "view.ProjectJobs");

  int cacheSize() {
    return 600;
  }

  Set<Kind> kinds() {
    return EnumSet.allOf(Kind.class);
  }

  @Test
  void everyFaultAtTheCallsOfNodes() {
    List<Call> calls;
    List<String> failures = Collections.synchronizedList(new ArrayList<>());
    try (Stage stage = new Stage(cacheSize())) {
      live(stage, null, null, failures);
      calls =
          stage.faults.seen().stream()
              .filter(call -> CALLS.contains(call.activity()))
              .filter(call -> call.number() <= 4)
              .toList();
    }
    assertThat(failures).isEmpty();
    assertThat(calls).extracting(Call::activity).containsAll(CALLS);
    AtomicInteger bitten = new AtomicInteger();
    try (ExecutorService lives = Executors.newFixedThreadPool(4)) {
      for (Kind kind : kinds()) {
        for (Call call : calls) {
          lives.execute(() -> bitten.addAndGet(haunt(call, kind, failures)));
        }
      }
    }
    assertThat(failures).isEmpty();
    assertThat(bitten.get()).isGreaterThan(calls.size() * kinds().size() / 2);
  }

  private int haunt(Call call, Kind kind, List<String> failures) {
    try (Stage stage = new Stage(cacheSize())) {
      live(stage, call, kind, failures);
      return stage.faults.bitten();
    } catch (RuntimeException | AssertionError e) {
      failures.add(kind + " at " + call + ": " + e);
      return 0;
    }
  }

  private void live(Stage stage, Call call, Kind kind, List<String> failures) {
    if (kind != null) {
      Runnable action =
          switch (kind) {
            case FAIL, LOSE_REPLY, TWICE, RESTART -> () -> {};
            case STOP -> () -> stage.run("nodes").stop(new RunStop(RUN, false, "ann"));
            case ABORT -> () -> stage.run("nodes").stop(new RunStop(RUN, true, "ann"));
            case CANCEL ->
                () ->
                    stage
                        .client()
                        .newUntypedWorkflowStub(WorkflowIds.run("main", "nodes"))
                        .cancel();
          };
      stage.faults.inject(call, kind, () -> attempt(action));
    }
    stage.faults.record();
    stage.world.offer(Stage.offer("box", 4, 0));
    FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(2, 2, new Sharing.Whole()));
    stage.awaitReady(2);
    JobId master = JobId.of(RUN, 0, 0, 0);
    stage.world.jobsDo(
        job ->
            job.equals(master) ? new Scripts.Exits(Duration.ofMinutes(1), 0) : Scripts.forever());
    stage.submit(
        RUN,
        "nodes",
        Stage.plan(List.of(fleet), 2)
            .withNodes(new RunPlan.NodesPlan(StartupOrder.MASTER_FIRST, StopCriteria.MASTER_DONE)));
    RunView end = stage.end(RUN, "nodes");
    stage.result(WorkflowIds.job(RUN, 0, 0, 0), true);
    stage.result(WorkflowIds.job(RUN, 0, 1, 0), true);
    stage.deleteFleet(fleet);
    check(stage, end, kind + " at " + call, failures);
  }

  private static void attempt(Runnable action) {
    try {
      action.run();
    } catch (io.temporal.client.WorkflowNotFoundException over) {
      // Too late is fine.
    }
  }

  private static void check(Stage stage, RunView end, String what, List<String> failures) {
    FakeWorld world = stage.world;
    world.see(
        () -> {
          expect(world.taskCount() == 0, what + ": tasks left", failures);
          expect(world.machineCount() == 0, what + ": machines left", failures);
          expect(world.claims.isEmpty(), what + ": claims left " + world.claims, failures);
          expect(world.complaints.isEmpty(), what + ": " + world.complaints, failures);
          expect(end.status().isFinal(), what + ": run is " + end.status(), failures);
          world
              .executed
              .values()
              .forEach(times -> expect(times == 1, what + ": executed twice", failures));
          for (JobView job : world.jobsOf(RUN)) {
            expect(job.status().isFinal(), what + ": job is " + job.status(), failures);
            boolean placed = job.placement() != null;
            boolean executed = world.executed.containsKey(job.id());
            expect(placed || !executed, what + ": shown without its instance", failures);
          }
          if (end.status() == RunStatus.DONE) {
            expect(world.executed.size() == 2, what + ": done without both", failures);
          }
          return null;
        });
  }

  private static void expect(boolean so, String otherwise, List<String> failures) {
    if (!so) {
      failures.add(otherwise);
    }
  }
}
