package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The CLI that people already have: upstream's own package, unchanged. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class UpstreamCliTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private static boolean added;

  private UpstreamCli dstack;
  private Runs runs;

  @BeforeEach
  void project(ServerProcess server) {
    dstack = new UpstreamCli(server.home());
    runs = server.runs();
    if (added) {
      return;
    }
    dstack
        .run(
            "project",
            "add",
            "--name",
            "main",
            "--url",
            server.base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    added = true;
  }

  @Test
  void projects() {
    dstack.run("project", "list").ok().says("main");
  }

  @Test
  void aTaskIsAppliedSeenAndRead() {
    task("up-hello", "echo hello from $DSTACK_RUN_NAME");
    dstack
        .run("apply", "-f", "up-hello.dstack.yml", "-y", "-d")
        .ok()
        .says("up-hello", "ssh (local)");
    assertThat(runs.awaitEnd("up-hello", LIMIT).path("status").asString()).isEqualTo("done");
    dstack.run("ps", "-a", "-v").ok().says("up-hello", "exited (0)");
    dstack.run("ps", "--json").ok().says("up-hello");
    dstack.run("logs", "up-hello").ok().says("hello from up-hello");
    dstack.run("run", "get", "up-hello", "--json").ok().says("up-hello");
    dstack.run("delete", "-f", "up-hello.dstack.yml", "-y").ok();
  }

  @Test
  void filesAreShipped() {
    dstack.file("up-numbers.txt", "20\n22\n");
    dstack.file(
        "up-files.dstack.yml",
        """
        type: task
        name: up-files
        files:
        - up-numbers.txt
        commands:
        - awk '{ s += $1 } END { print "sum", s }' up-numbers.txt
        resources:
          cpu: 1..
          memory: 100MB..
          disk: 100MB..
        """);
    dstack.run("apply", "-f", "up-files.dstack.yml", "-y", "-d").ok();
    assertThat(runs.awaitEnd("up-files", LIMIT).path("status").asString())
        .as(runs.summary("up-files"))
        .isEqualTo("done");
    dstack.run("logs", "up-files").ok().says("sum 42");
  }

  @Test
  void stop() {
    task("up-stop", "trap 'echo bye; exit 0' TERM; echo ready; while true; do sleep 0.1; done");
    dstack.run("apply", "-f", "up-stop.dstack.yml", "-y", "-d").ok();
    Await.until("it is ready", LIMIT, () -> runs.lines("up-stop").contains("ready"));
    dstack.run("ps").ok().says("up-stop", "running");
    dstack.run("stop", "up-stop", "-y").ok();
    assertThat(runs.awaitEnd("up-stop", LIMIT).path("termination_reason").asString())
        .isEqualTo("stopped_by_user");
    assertThat(runs.lines("up-stop")).startsWith("ready").endsWith("bye");
    dstack.run("ps", "-a").ok().says("up-stop", "stopped");
  }

  @Test
  void abort() {
    task("up-abort", "exec sleep 600");
    dstack.run("apply", "-f", "up-abort.dstack.yml", "-y", "-d").ok();
    runs.awaitStatus("up-abort", LIMIT, "running");
    dstack.run("stop", "-x", "up-abort", "-y").ok();
    assertThat(runs.awaitEnd("up-abort", LIMIT).path("termination_reason").asString())
        .isEqualTo("aborted_by_user");
  }

  @Test
  void aNameIsAppliedAgain() {
    task("up-again", "echo one");
    dstack.run("apply", "-f", "up-again.dstack.yml", "-y", "-d").ok();
    String first = runs.awaitEnd("up-again", LIMIT).path("id").asString();
    task("up-again", "echo two; exec sleep 600");
    dstack.run("apply", "-f", "up-again.dstack.yml", "-y", "-d").ok();
    String second = runs.awaitStatus("up-again", LIMIT, "running").path("id").asString();
    assertThat(second).isNotEqualTo(first);
    // While it runs: the client stops it and puts the new one in its place.
    task("up-again", "echo three");
    dstack.run("apply", "-f", "up-again.dstack.yml", "-y", "--force", "-d").ok();
    Await.until(
        "the third one is done",
        LIMIT,
        () ->
            !runs.get("up-again").path("id").asString().equals(second)
                && runs.status("up-again").equals("done"));
    assertThat(runs.lines("up-again")).containsExactly("three");
  }

  @Test
  void aFailureIsShown() {
    task("up-fail", "exit 5");
    dstack.run("apply", "-f", "up-fail.dstack.yml", "-y", "-d").ok();
    assertThat(runs.awaitEnd("up-fail", LIMIT).path("status").asString()).isEqualTo("failed");
    dstack.run("ps", "-a", "-v").ok().says("up-fail", "exited (5)");
  }

  @Test
  void offers() {
    dstack
        .run("offer", "--cpu", "1..", "--memory", "100MB..", "--disk", "100MB..")
        .ok()
        .says("ssh (local)");
    dstack
        .run("offer", "--cpu", "1..", "--memory", "100MB..", "--disk", "100MB..", "--json")
        .ok()
        .says("remote");
    dstack.run("offer", "--group-by", "gpu").command();
  }

  @Test
  void fleets() {
    dstack.run("fleet").ok().says("local", "ssh");
    dstack.run("fleet", "list", "-v").ok().says("local");
    dstack.run("fleet", "get", "local", "--json").ok().says("local");
  }

  @Test
  void eventsSayWhatHappened() {
    task("up-events", "echo x");
    dstack.run("apply", "-f", "up-events.dstack.yml", "-y", "-d").ok();
    runs.awaitEnd("up-events", LIMIT);
    dstack.run("event", "--within-run", "up-events").ok().says("up-events");
    dstack.run("event").ok();
  }

  @Test
  void secrets() {
    dstack.run("secret", "set", "up-secret", "hush").ok();
    dstack.run("secret", "list").ok().says("up-secret");
    dstack.run("secret", "get", "up-secret").ok().says("hush");
    dstack.run("secret", "delete", "up-secret", "-y").ok();
  }

  @Test
  void listsOfWhatIsNotThereYetAreEmpty() {
    dstack.run("volume").ok();
    dstack.run("gateway").ok();
  }

  private void task(String name, String command) {
    dstack.file(
        name + ".dstack.yml",
        """
        type: task
        name: %s
        commands:
        - |
          %s
        resources:
          cpu: 1..
          memory: 100MB..
          disk: 100MB..
        """
            .formatted(name, command));
  }
}
