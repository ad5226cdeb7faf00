package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.ServerProcess.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Starting and stopping: what a server makes at first, what it refuses, and what it leaves. */
@Tag("system")
@Order(900)
final class StartTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private final Path home = ServerProcess.newHome();

  @AfterEach
  void clean() {
    Repository.delete(home);
  }

  @Test
  void theFirstStartMakesAllThatARunNeedsAndTheStopLeavesNothing() throws IOException {
    ServerProcess server = ServerProcess.prepare(home, "", Map.of());
    try {
      server.spawn();
      server.awaitHealthy(LIMIT);
      Api api = server.api();
      // From the first answer on, without any waiting for this or that part.
      api.post("/api/projects/main/get").ok();
      Runs runs = server.runs();
      runs.submit("at-once", "echo early");
      assertThat(runs.awaitEnd("at-once", LIMIT).path("status").asString())
          .as(runs.summary("at-once"))
          .isEqualTo("done");

      assertThat(Files.readString(home.resolve(".dstack/config.yml")))
          .contains("main", server.base().toString().replaceAll("/$", ""), ServerProcess.TOKEN);
      assertThat(home.resolve(".dstack/server/config.yml")).content().contains("local");
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(home.resolve(".dstack/server/encryption.key"))))
          .isEqualTo("rw-------");
      assertThat(api.get("/").text()).contains("/api/docs", "/openapi.json");
      assertThat(api.get("/api/docs").status()).isEqualTo(200);

      aSecondServerOnTheSameDirectoryIsRefused(server);

      List<Long> pids = List.of(server.pid(), server.pid(Part.POSTGRES), server.pid(Part.TEMPORAL));
      assertThat(server.stop(Duration.ofSeconds(60))).as("the server stops when asked").isTrue();
      for (long pid : pids) {
        Await.until(pid + " has ended", Duration.ofSeconds(10), () -> !Processes.alive(pid));
      }
      // The agent is a daemon of its own on purpose; nothing else stays.
      assertThat(
              Processes.mentioning(server.serverDirectory()).stream()
                  .map(Processes::describe)
                  .filter(line -> !line.contains("agent")))
          .isEmpty();
    } catch (AssertionError | RuntimeException e) {
      server.keepLogs("StartTest");
      throw e;
    } finally {
      server.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"logs/postgres.log", "logs/temporal.log"})
  void aStopWhileItStartsLeavesNothing(String sign) {
    ServerProcess server = ServerProcess.prepare(home, "", Map.of());
    try {
      server.spawn();
      Await.until(
          sign + " is there",
          LIMIT,
          () -> Files.exists(server.serverDirectory().resolve(sign)),
          () -> ServerProcess.tail(server.log(), 4000));
      assertThat(server.stop(Duration.ofSeconds(90))).as("the server stops when asked").isTrue();
      assertThat(
              Processes.mentioning(server.serverDirectory()).stream()
                  .map(Processes::describe)
                  .filter(line -> !line.contains("agent")))
          .isEmpty();
      server.startAgain();
    } catch (AssertionError | RuntimeException e) {
      server.keepLogs("StartTest-" + sign.replace('/', '-'));
      throw e;
    } finally {
      server.close();
    }
  }

  private static void aSecondServerOnTheSameDirectoryIsRefused(ServerProcess first) {
    ServerProcess second = first.replica("all", Map.of());
    second.spawn();
    Await.until("the second server ends", LIMIT, () -> !second.alive());
    assertThat(ServerProcess.tail(second.log(), 4000))
        .contains(first.serverDirectory().toString(), Long.toString(first.pid()))
        .doesNotContain("\tat ");
    assertThat(first.healthy()).isTrue();
  }

  @Test
  void aDatabaseOfAnotherKindIsRefusedWithAReason() {
    refused(Map.of("DSTACK_DATABASE_URL", "sqlite+aiosqlite:///data.db"), "", "SQLite");
  }

  @Test
  void aDatabaseThatIsNotThereIsNamed() {
    int port = ServerProcess.freePort();
    refused(
        Map.of("DSTACK_DATABASE_URL", "postgresql://u:hidden-word@127.0.0.1:" + port + "/d"),
        "",
        Integer.toString(port));
  }

  @Test
  void aPortThatIsTakenIsNamed() throws IOException {
    ServerProcess server = ServerProcess.prepare(home, "", Map.of());
    try (java.net.ServerSocket taken =
        new java.net.ServerSocket(server.port(), 1, java.net.InetAddress.getLoopbackAddress())) {
      server.spawn();
      Await.until("it ends", LIMIT, () -> !server.alive());
      assertThat(ServerProcess.tail(server.log(), 4000))
          .contains(Integer.toString(taken.getLocalPort()), "--port");
    } finally {
      server.close();
    }
  }

  @Test
  void aBadEntryOfTheConfigurationLeavesTheRest() {
    ServerProcess server =
        ServerProcess.prepare(
            home,
            """
            projects:
            - name: main
              backends:
              - type: local
                cpu: 3
            - name: other
              backends:
              - type: local
            """,
            Map.of());
    try {
      server.spawn();
      server.awaitHealthy(LIMIT);
      Await.until(
          "the other project is there",
          LIMIT,
          () -> server.api().post("/api/projects/other/get").status() == 200);
      JsonNode projects = server.api().post("/api/projects/list", "{}").ok();
      assertThat(projects.toString()).contains("\"other\"");
      assertThat(ServerProcess.tail(server.log(), 20_000)).contains("config.yml", "cpu");
    } finally {
      server.close();
    }
  }

  private void refused(Map<String, String> environment, String config, String word) {
    ServerProcess server = ServerProcess.prepare(home, config, environment);
    try {
      server.spawn();
      Await.until(
          "it ends", LIMIT, () -> !server.alive(), () -> ServerProcess.tail(server.log(), 4000));
      String said = ServerProcess.tail(server.log(), 4000);
      assertThat(said).contains("did not start", word).doesNotContain("\tat ", "hidden-word");
    } finally {
      server.close();
    }
  }
}
