package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainTest {
  @TempDir Path home;

  @Test
  void theTrainingWalksThroughEveryCommandItNames() {
    CliHarness cli = new CliHarness(home);

    assertThat(cli.run("__train")).as(cli.errors()).isZero();
  }
}
