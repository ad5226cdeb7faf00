package dev.dstack.e2e.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Histories;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import tools.jackson.databind.JsonNode;

/** An operator terminates workflows in the Web UI of Temporal, past the product. */
@Tag("system")
@Order(1010)
final class EndedByHandTest {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private static ServerProcess server;
  private static Runs runs;

  @RegisterExtension
  static final TestWatcher KEEP_LOGS =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          server.keepLogs("EndedByHandTest." + context.getDisplayName());
        }
      };

  @BeforeAll
  static void start() {
    server = ServerProcess.start("", Map.of());
    runs = server.runs();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void aJobLeavesNothingAndItsRunSaysWhy() {
    JsonNode run = running("job-by-hand");
    try (Histories histories = Histories.of(server)) {
      histories.terminate("job:" + run.path("id").asString() + ":0.0.0");
    }
    JsonNode end = runs.awaitEnd("job-by-hand", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("failed");
    assertThat(end.path("latest_job_submission").path("termination_reason_message").asString())
        .contains("by hand");
    nothingLeft("job-by-hand");
  }

  @Test
  void aRunLeavesNothingAndSaysWhy() {
    running("run-by-hand");
    try (Histories histories = Histories.of(server)) {
      histories.terminate("run:main:run-by-hand");
    }
    JsonNode end = runs.awaitEnd("run-by-hand", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("failed");
    assertThat(end.path("error").asString()).contains("ended by hand");
    nothingLeft("run-by-hand");
    // Its name is free again.
    runs.submit("run-by-hand", "true");
    assertThat(runs.awaitEnd("run-by-hand", LIMIT).path("status").asString()).isEqualTo("done");
  }

  @Test
  void aRunAndItsJobAtOnce() {
    JsonNode run = running("both-by-hand");
    try (Histories histories = Histories.of(server)) {
      histories.terminate("run:main:both-by-hand");
      histories.terminate("job:" + run.path("id").asString() + ":0.0.0");
    }
    JsonNode end = runs.awaitEnd("both-by-hand", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("failed");
    assertThat(end.path("latest_job_submission").path("status").asString()).isEqualTo("terminated");
    nothingLeft("both-by-hand");
  }

  private static JsonNode running(String name) {
    runs.submit(name, "echo ready; exec sleep 600");
    return runs.awaitStatus(name, LIMIT, "running");
  }

  private static void nothingLeft(String name) {
    Await.until(
        "no process of " + name + " is left",
        LIMIT,
        () -> Processes.withEnvironment("DSTACK_RUN_NAME", name).isEmpty());
    server.awaitReady();
  }
}
