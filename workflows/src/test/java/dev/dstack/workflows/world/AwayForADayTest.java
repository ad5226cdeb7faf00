package dev.dstack.workflows.world;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.view.RunView;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A server is away for a day, from right after the effect of a call whose reply nobody reads: no
 * call gets through, and all deadlines pass. Afterwards nothing is lost and nothing is left, and
 * the machine of a cloud on which a job went on is still the one that it was. Workflows decide
 * meanwhile, which is harder than a real absence: there they wait, too.
 */
@Timeout(300)
class AwayForADayTest {
  private static final BackendType CLOUD = new BackendType("cloud");

  /**
   * @param end where the run's end does not depend on the server; empty: any
   */
  @ParameterizedTest
  @CsvSource({
    "cloud.EnsureMachine,",
    "cloud.AwaitHost,",
    "agent.SubmitTask,",
    "agent.WatchTask, DONE",
    "cloud.TerminateMachine, DONE"
  })
  void nothingIsLostTrackOf(String activity, RunStatus end) {
    List<String> failures = new ArrayList<>();
    try (Stage stage = new Stage(600)) {
      stage.world.offer(Stage.offer(CLOUD, "box", 4, 0.1, false));
      stage.world.jobsDo(new Scripts.Exits(Duration.ofHours(2), 0));
      FleetRef fleet =
          stage.startFleet(
              "cloud",
              new FleetPlan(
                  CLOUD, 0, 0, 1, Stage.cpus(1), new Sharing.Whole(), Duration.ofMinutes(5)));
      stage.faults.leaveAt(activity);
      RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
      stage.await("the server is away", stage.faults::isAway);
      Instant left = stage.now();

      stage.pass(Duration.ofDays(1));

      assertThat(stage.now()).isAfterOrEqualTo(left.plus(Duration.ofDays(1)));
      stage.faults.comeBack();
      RunView run = stage.end(id, "hello");
      stage.result(WorkflowIds.job(id, 0, 0, 0), true);
      stage.deleteFleet(fleet);
      HarnessTest.check(stage, id, run, "away since " + activity, failures);
      if (end != null) {
        assertThat(run.status()).isEqualTo(end);
      }
    }
    assertThat(failures).isEmpty();
  }
}
