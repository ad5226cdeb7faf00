package dev.dstack.e2e.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.embedded.EmbeddedStack;
import dev.dstack.embedded.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Two processes of each role on one database and one Temporal, and one of each killed. */
@Tag("system")
@Order(1001)
final class ReplicasTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String CONFIG =
      """
      projects:
      - name: main
        backends:
        - type: local
          cpus: 64
          memory: 64GB
      """;

  @Test
  void theOthersGoOnWhereOneOfEachIsKilled() throws Exception {
    Path home = ServerProcess.newHome();
    Map<String, String> attributes = new TreeMap<>();
    for (String name : List.of("Project", "Status", "Run", "Fleet", "Backend", "User")) {
      attributes.put("Dstack" + name, "keyword");
    }
    List<ServerProcess> processes = new ArrayList<>();
    try (EmbeddedStack stack =
        EmbeddedStack.start(
            new EmbeddedStack.Config(
                home.resolve("stack"),
                Repository.cache(),
                "dstack",
                "dstack",
                attributes,
                Progress.log()))) {
      Map<String, String> shared = new TreeMap<>();
      shared.put(
          "DSTACK_DATABASE_URL",
          "postgresql+asyncpg://"
              + stack.databaseUser()
              + ":"
              + stack.databasePassword()
              + "@127.0.0.1:"
              + stack.postgres().port()
              + "/dstack");
      shared.put("TEMPORAL_ADDRESS", stack.temporalAddress());
      shared.put("TEMPORAL_NAMESPACE", "dstack");
      ServerProcess base = ServerProcess.prepare(home, CONFIG, shared);
      try {
        ServerProcess api1 = base.replica("api", Map.of());
        processes.add(api1);
        api1.startAgain();
        ServerProcess api2 = base.replica("api", Map.of());
        ServerProcess worker1 = base.replica("worker", Map.of());
        ServerProcess worker2 = base.replica("worker", Map.of());
        processes.addAll(List.of(api2, worker1, worker2));
        worker1.spawn();
        worker2.spawn();
        api2.startAgain();
        api2.awaitReady();

        Runs first = api1.runs();
        Runs second = api2.runs();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
          names.add("replica-" + i);
          first.submit(names.getLast(), job(home, names.getLast()));
        }
        for (String name : names) {
          second.awaitStatus(name, LIMIT, "running", "done");
        }
        // Some of these are accepted only, by an API that is about to go.
        for (int i = 6; i < 12; i++) {
          names.add("replica-" + i);
          first.submit(names.getLast(), job(home, names.getLast()));
        }
        api1.kill9();
        worker1.kill9();
        names.add("replica-after");
        second.submit("replica-after", job(home, "replica-after"));

        List<String> expected = IntStream.rangeClosed(1, 60).mapToObj(i -> "line-" + i).toList();
        for (String name : names) {
          assertThat(second.awaitEnd(name, LIMIT).path("status").asString())
              .as(second.summary(name))
              .isEqualTo("done");
          assertThat(second.lines(name)).as(name).isEqualTo(expected);
          assertThat(Files.readAllLines(home.resolve(name + ".once"))).as(name).hasSize(1);
        }
        assertThat(worker2.alive()).isTrue();
        Await.until("the second API is well", LIMIT, api2::healthy);
      } catch (Exception | AssertionError e) {
        base.keepLogs("ReplicasTest");
        throw e;
      } finally {
        processes.forEach(ServerProcess::close);
        base.endAgent();
      }
    } finally {
      Repository.delete(home);
    }
  }

  private static String job(Path home, String name) {
    return "echo x >> "
        + home.resolve(name + ".once")
        + "; for i in $(seq 1 60); do echo line-$i; sleep 0.03; done";
  }
}
