package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Histories;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a run costs in events, since events are what limits how many runs a machine can do. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class HistoriesTest {
  private static final int BUDGET = 120;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @Test
  void aRunOfOneJobKeepsToItsBudget(ServerProcess server) {
    Runs runs = server.runs();
    // The first run may start what later ones find.
    runs.submit("budget-before", "true");
    runs.awaitEnd("budget-before", LIMIT);
    try (Histories histories = Histories.of(server)) {
      Map<String, Long> before = histories.lengthsWhenQuiet(LIMIT);
      runs.submit("budget", "echo one line");
      assertThat(runs.awaitEnd("budget", LIMIT).path("status").asString()).isEqualTo("done");
      Map<String, Long> after = histories.lengthsWhenQuiet(LIMIT);
      Map<String, Long> grown = new TreeMap<>();
      after.forEach(
          (workflow, length) -> {
            long more = length - before.getOrDefault(workflow, 0L);
            if (more > 0) {
              grown.put(workflow, more);
            }
          });
      long events = grown.values().stream().mapToLong(Long::longValue).sum();
      System.out.println("Events of a run of one job: " + events + " " + grown);
      assertThat(events).as(grown.toString()).isBetween(20L, (long) BUDGET);
    }
  }

  @Test
  void aPersonFindsARunInTemporal(ServerProcess server) {
    Runs runs = server.runs();
    runs.submit("findable", "true");
    runs.awaitEnd("findable", LIMIT);
    try (Histories histories = Histories.of(server)) {
      dev.dstack.e2e.harness.Await.until(
          "the run is found by its attributes",
          LIMIT,
          () ->
              histories
                  .find(
                      "DstackRun = 'findable' and DstackProject = 'main' and DstackUser = 'admin'")
                  .contains("run:main:findable"));
      dev.dstack.e2e.harness.Await.until(
          "the run is found by its status",
          LIMIT,
          () ->
              histories
                  .find("DstackStatus = 'done' and DstackProject = 'main'")
                  .contains("run:main:findable"));
    }
  }
}
