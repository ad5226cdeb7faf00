package dev.dstack.e2e.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.ServerProcess.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * One run in each phase at the moment in which a part is killed: accepted only, being started, in
 * the middle of its output, being stopped, about to exit. Files let the test hold a run in its
 * phase until the kill.
 */
@Tag("system")
@Order(1000)
final class CrashTest {
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final int LINES = 120;

  // Overcommitted: these jobs mostly wait, and all of them have to run at once.
  private static final String CONFIG =
      """
      projects:
      - name: main
        backends:
        - type: local
          cpus: 64
          memory: 64GB
      """;

  private static ServerProcess server;
  private static Runs runs;
  private static Path scratch;

  @RegisterExtension
  static final TestWatcher KEEP_LOGS =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          server.keepLogs("CrashTest." + context.getDisplayName());
        }
      };

  @BeforeAll
  static void start() throws IOException {
    server = ServerProcess.start(CONFIG, java.util.Map.of());
    runs = server.runs();
    scratch = Files.createDirectories(server.home().resolve("scratch"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  static Stream<Set<Part>> killed() {
    return Stream.of(
        EnumSet.of(Part.AGENT),
        EnumSet.of(Part.TEMPORAL),
        EnumSet.of(Part.POSTGRES),
        EnumSet.of(Part.SERVER),
        EnumSet.of(Part.SERVER, Part.AGENT),
        EnumSet.allOf(Part.class));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("killed")
  void everyRunEndsAsItShould(Set<Part> parts) throws IOException {
    String suffix =
        String.join("-", parts.stream().map(part -> part.name().substring(0, 2)).toList())
            .toLowerCase(java.util.Locale.ROOT);
    String accepted = "accepted-" + suffix;
    String starting = "starting-" + suffix;
    String printing = "printing-" + suffix;
    String stopping = "stopping-" + suffix;
    String ending = "ending-" + suffix;
    String later = "later-" + suffix;

    runs.submit(printing, once(printing) + numbered());
    runs.submit(
        stopping,
        once(stopping)
            + "trap 'for i in 1 2 3 4 5 6 7 8; do echo bye-$i; sleep 0.2; done; exit 0' TERM; "
            + "echo ready; while true; do sleep 0.1; done");
    runs.submit(ending, once(ending) + "echo ready; " + waitFor(ending) + "echo end; exit 4");
    runs.submit(later, once(later) + "echo ready; exec sleep 600");
    awaitLine(printing, "line-10");
    awaitLine(ending, "ready");
    awaitLine(later, "ready");
    awaitLine(stopping, "ready");
    runs.stop(stopping);
    awaitLine(stopping, "bye-1");
    runs.submit(starting, once(starting) + numbered());
    runs.awaitStatus(starting, LIMIT, "provisioning", "running", "done");
    runs.submit(accepted, once(accepted) + numbered());
    Files.writeString(go(ending), "");
    List<Long> pids = new ArrayList<>();
    for (Part part : parts) {
      // Found first: a dead PostgreSQL's pid is not to be had any more.
      pids.add(server.pid(part));
    }
    pids.forEach(Processes::kill9);
    for (long pid : pids) {
      Await.until(pid + " is dead", Duration.ofSeconds(10), () -> !Processes.alive(pid));
    }
    if (parts.contains(Part.SERVER)) {
      server.kill9();
      server.startAgain();
    }
    // A stop that is asked for while a part is down is accepted now or refused clearly, never lost.
    Await.until(
        "the stop of " + later + " is accepted",
        LIMIT,
        () -> {
          runs.stop(later);
          return true;
        });

    ended(printing, "done", "all_jobs_done", 0);
    ended(starting, "done", "all_jobs_done", 0);
    ended(accepted, "done", "all_jobs_done", 0);
    ended(stopping, "terminated", "stopped_by_user", null);
    ended(ending, "failed", "job_failed", 4);
    ended(later, "terminated", "stopped_by_user", null);

    List<String> all = IntStream.rangeClosed(1, LINES).mapToObj(i -> "line-" + i).toList();
    assertThat(runs.lines(printing)).as(printing).isEqualTo(all);
    assertThat(runs.lines(starting)).as(starting).isEqualTo(all);
    assertThat(runs.lines(accepted)).as(accepted).isEqualTo(all);
    List<String> goodbye = new ArrayList<>(List.of("ready"));
    IntStream.rangeClosed(1, 8).forEach(i -> goodbye.add("bye-" + i));
    // The shell may say that the sleep it waited for was ended by the same signal.
    assertThat(runs.lines(stopping).stream().filter(line -> !line.equals("Terminated")).toList())
        .as(stopping)
        .isEqualTo(goodbye);
    assertThat(runs.lines(ending)).as(ending).containsExactly("ready", "end");

    for (String name : List.of(printing, starting, accepted, stopping, ending, later)) {
      assertThat(Files.readAllLines(scratch.resolve(name + ".once")))
          .as("how often the commands of " + name + " ran")
          .hasSize(1);
      Await.until(
          "no process of " + name + " is left",
          Duration.ofSeconds(30),
          () -> Processes.withEnvironment("DSTACK_RUN_NAME", name).isEmpty());
    }
    idle();
  }

  private static void ended(String name, String status, String reason, Integer exit) {
    JsonNode run = runs.awaitEnd(name, LIMIT);
    assertThat(run.path("status").asString()).as(runs.summary(name)).isEqualTo(status);
    assertThat(run.path("termination_reason").asString()).as(name).isEqualTo(reason);
    assertThat(run.path("jobs").path(0).path("job_submissions").size())
        .as("submissions of " + name)
        .isEqualTo(1);
    if (exit != null) {
      assertThat(run.path("latest_job_submission").path("exit_status").asInt(-1))
          .as(name)
          .isEqualTo(exit);
    }
  }

  /** The capacity is given back, so that nothing is leaked by a crash. */
  private static void idle() {
    Await.until(
        "the instance is idle",
        Duration.ofSeconds(30),
        () -> {
          JsonNode instances = server.api().post("/api/instances/list", "{}").ok();
          if (instances.isEmpty()) {
            return false;
          }
          for (JsonNode instance : instances) {
            if (!instance.path("status").asString().equals("idle")
                || instance.path("busy_blocks").asInt() != 0) {
              return false;
            }
          }
          return true;
        },
        () -> server.api().post("/api/instances/list", "{}").text());
  }

  private static String once(String name) {
    return "echo started >> " + scratch.resolve(name + ".once") + "; ";
  }

  private static String numbered() {
    return "for i in $(seq 1 " + LINES + "); do echo line-$i; sleep 0.03; done";
  }

  private static Path go(String name) {
    return scratch.resolve(name + ".go");
  }

  private static String waitFor(String name) {
    return "while [ ! -e " + go(name) + " ]; do sleep 0.02; done; ";
  }

  private static void awaitLine(String name, String line) {
    Await.until(
        name + " prints " + line,
        LIMIT,
        () -> runs.lines(name).contains(line),
        () -> runs.summary(name));
  }
}
