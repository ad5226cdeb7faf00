package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Plans;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs with volumes, by their workflows. */
class VolumesOfRunsTest {
  private static Stage stage(int cacheSize) {
    Stage stage = new Stage(cacheSize);
    stage.world.offer(Stage.offer("box", 2, 0));
    return stage;
  }

  /** Attaching may take minutes, for as long as another run does not let go. */
  @ParameterizedTest
  @ValueSource(ints = {600, 0})
  void aStopDoesNotWaitForAVolumeThatNobodyLetsGoOf(int cacheSize) {
    try (Stage stage = stage(cacheSize)) {
      FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
      stage.awaitReady(1);
      stage.world.holdsBack("data");
      RunId id = stage.submit("hello", Plans.of(fleet, 1, "data").plan());
      stage.await("asked for its volume", () -> stage.world.wasAskedFor("data"));
      Instant asked = stage.now();
      stage.stop(id, "hello", false);
      RunView end = stage.end(id, "hello");
      assertThat(end.status()).isEqualTo(RunStatus.TERMINATED);
      assertThat(stage.world.jobsOf(id).getLast().reason())
          .isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
      assertThat(Duration.between(asked, end.at())).isLessThan(Duration.ofMinutes(1));
      assertThat(stage.world.executed).as("nothing was started").isEmpty();
      stage.await("released", () -> stage.world.claims.isEmpty());
      assertThat(stage.world.anyAttached()).isFalse();
    }
  }

  @Test
  void withoutAStopItFailsForItsVolume() {
    try (Stage stage = stage(600)) {
      FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
      stage.awaitReady(1);
      stage.world.holdsBack("data");
      RunId id = stage.submit("hello", Plans.of(fleet, 1, "data").plan());
      assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.FAILED);
      assertThat(stage.world.jobsOf(id).getLast().reason())
          .isEqualTo(JobTerminationReason.VOLUME_ERROR);
      assertThat(stage.world.jobsOf(id).getLast().reasonMessage()).contains("is being detached");
    }
  }
}
