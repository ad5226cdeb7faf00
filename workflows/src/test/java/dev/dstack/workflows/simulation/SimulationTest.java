package dev.dstack.workflows.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** A failure names its seed; {@code -Ddstack.simulation.seed=N} plays that one alone. */
class SimulationTest {
  private static final int SEEDS = Integer.getInteger("dstack.simulation.seeds", 3_000);

  @Test
  void whateverHappensNothingIsLostOrLeft() {
    Long only = Long.getLong("dstack.simulation.seed");
    LongStream seeds = only == null ? LongStream.range(0, SEEDS) : LongStream.of(only);
    Set<String> seen = new HashSet<>();
    long steps =
        seeds
            .map(
                seed -> {
                  try {
                    Simulation simulation = new Simulation(seed);
                    int played = simulation.play();
                    seen.addAll(simulation.seen());
                    return played;
                  } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
                  }
                })
            .sum();

    assertThat(steps).isPositive();
    if (only == null) {
      assertThat(seen).contains("attached", "refused", "waited", "detached", "forced", "deleted");
    }
  }

  /** It bites: a world in which fleets can't end their instances is noticed. */
  @Test
  void machinesThatNobodyEndsAreNoticed() {
    assertThatThrownBy(
            () -> {
              for (long seed = 0; seed < 20; seed++) {
                new Simulation(seed, Simulation.Spoilt.TERMINATIONS).play();
              }
            })
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("that do not end");
  }

  /** And so is a second job that takes the first one's volume. */
  @Test
  void aVolumeThatIsTakenFromItsJobIsNoticed() {
    assertThatThrownBy(
            () -> {
              for (long seed = 0; seed < 50; seed++) {
                new Simulation(seed, Simulation.Spoilt.VOLUMES).play();
              }
            })
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("has lost volume:main:v");
  }
}
