package dev.dstack.workflows.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** A failure names its seed; {@code -Ddstack.simulation.seed=N} plays that one alone. */
class SimulationTest {
  private static final int SEEDS = Integer.getInteger("dstack.simulation.seeds", 3_000);

  @Test
  void whateverHappensNothingIsLostOrLeft() {
    Long only = Long.getLong("dstack.simulation.seed");
    LongStream seeds = only == null ? LongStream.range(0, SEEDS) : LongStream.of(only);
    long steps =
        seeds
            .map(
                seed -> {
                  try {
                    return new Simulation(seed).play();
                  } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
                  }
                })
            .sum();

    assertThat(steps).isPositive();
  }

  /** It bites: a world in which fleets can't end their instances is noticed. */
  @Test
  void machinesThatNobodyEndsAreNoticed() {
    assertThatThrownBy(
            () -> {
              for (long seed = 0; seed < 20; seed++) {
                new Simulation(seed, false).play();
              }
            })
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("that do not end");
  }
}
