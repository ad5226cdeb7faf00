package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.e2e.harness.Attached;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;

/** Upstream's CLI attached to jobs of ours: log, login, port forwards, Ctrl-C. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class UpstreamAttachTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String SMALL =
      """
      resources:
        cpu: 1..
        memory: 100MB..
        disk: 100MB..
      """;

  private UpstreamCli dstack;
  private Runs runs;
  private Path home;

  @BeforeEach
  void project(ServerProcess server) {
    assumeTrue(Files.exists(Path.of("/usr/bin/ssh")), "openssh-client is not installed");
    dstack = new UpstreamCli(server.home());
    home = server.home().resolve("upstream-home");
    runs = server.runs();
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
  }

  private void file(String name, String text) {
    dstack.file(name + ".dstack.yml", text + SMALL);
  }

  @Test
  void aTaskIsFollowedToItsEnd() {
    file(
        "at-task",
        """
        type: task
        name: at-task
        commands:
        - for i in 1 2 3; do echo line $i; sleep 1; done
        """);
    Command.Result result =
        dstack.command("apply", "-f", "at-task.dstack.yml", "-y").limit(LIMIT).run();
    assertThat(result.out() + result.err()).contains("line 1", "line 2", "line 3");
    assertThat(result.exit()).isZero();
    assertThat(runs.status("at-task")).isEqualTo("done");
  }

  @Test
  void aFailureIsTheExitStatusOfApply() {
    file(
        "at-fail",
        """
        type: task
        name: at-fail
        commands:
        - sleep 2; echo oh no; exit 3
        """);
    Command.Result result =
        dstack.command("apply", "-f", "at-fail.dstack.yml", "-y").limit(LIMIT).run();
    assertThat(result.out() + result.err()).contains("oh no");
    assertThat(result.exit()).isNotZero();
  }

  @Test
  void aDevEnvironmentIsEnteredAndLeftByCtrlC() {
    file(
        "at-dev",
        """
        type: dev-environment
        name: at-dev
        ide: vscode
        init:
        - echo prepared
        """);
    try (Attached apply = attached("apply", "-f", "at-dev.dstack.yml", "-y")) {
      apply.awaitText("prepared");
      apply.awaitText("vscode://vscode-remote/ssh-remote+at-dev");
      assertThat(ssh("at-dev", "echo inside $DSTACK_RUN_NAME").ok().out())
          .contains("inside at-dev");
      apply.interrupt();
      // With -y nobody is asked: the client goes, the run stays.
      apply.awaitText("Detached");
      assertThat(runs.status("at-dev")).isEqualTo("running");
      dstack.run("stop", "at-dev", "-y").ok();
      assertThat(runs.awaitEnd("at-dev", LIMIT).path("termination_reason").asString())
          .isEqualTo("stopped_by_user");
    }
  }

  @Test
  void portsAreForwarded() {
    int remote = ServerProcess.freePort();
    int local = ServerProcess.freePort();
    file(
        "at-port",
        """
        type: task
        name: at-port
        ports: ["%d:%d"]
        commands:
        - echo served > index.html
        - python3 -u -m http.server --bind 127.0.0.1 %d
        """
            .formatted(local, remote, remote));
    dstack.run("apply", "-f", "at-port.dstack.yml", "-y", "-d").ok();
    runs.awaitStatus("at-port", LIMIT, "running");
    try (Attached attach = attached("attach", "at-port", "--logs")) {
      Await.until(
          "the forwarded port answers",
          LIMIT,
          () -> Attached.get(local, "/index.html").equals("served\n"),
          attach::text);
    }
    runs.abort("at-port");
    runs.awaitEnd("at-port", LIMIT);
  }

  @Test
  @Tag("docker")
  @EnabledIfEnvironmentVariable(
      named = Docker.WANTED,
      matches = "1",
      disabledReason = "there is no Docker Engine for the tests (DSTACK_TEST_DOCKER=1)")
  void aContainerIsFollowedAndEntered() {
    assumeTrue(Files.exists(Path.of("/bin/busybox")), "busybox-static is not installed");
    String image = Docker.busybox(home, "box-attach");
    file(
        "at-box",
        """
        type: task
        name: at-box
        image: %s
        commands:
        - cat /etc/marker
        - sleep 600
        """
            .formatted(image));
    try (Attached apply = attached("apply", "-f", "at-box.dstack.yml", "-y")) {
      apply.awaitText("inside box-attach");
      assertThat(ssh("at-box", "cat /etc/marker").ok().out()).isEqualTo("inside box-attach\n");
      apply.interrupt();
      // With -y nobody is asked: the client goes, the run stays.
      apply.awaitText("Detached");
      assertThat(runs.status("at-box")).isEqualTo("running");
      dstack.run("stop", "at-box", "-y").ok();
      assertThat(runs.awaitEnd("at-box", LIMIT).path("termination_reason").asString())
          .isEqualTo("stopped_by_user");
    }
  }

  private Command.Result ssh(String host, String command) {
    return Attached.ssh(home, host, command);
  }

  private Attached attached(String... arguments) {
    return Attached.start(dstack.command(arguments));
  }
}
