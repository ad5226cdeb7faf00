package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process in a real terminal, which tmux lends; skipped where there is no tmux. */
class PtyTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private String socket = "";
  private final AtomicReference<Map<String, Object>> state =
      new AtomicReference<>(Shapes.running());

  @BeforeEach
  void start() throws Exception {
    assumeTrue(
        succeeds("tmux", "-V"), "tmux is not installed: the test in a real terminal is skipped");
    socket = home.resolve("tmux").toString();
    server = new FakeServer();
    server.on("/api/runs/list", body -> FakeServer.ok(List.of(state.get())));
    server.answers(PROJECT + "/runs/get_plan", Shapes.plan());
    server.on(PROJECT + "/runs/apply", body -> FakeServer.ok(state.get()));
    server.on(PROJECT + "/runs/get", body -> FakeServer.ok(state.get()));
    server.on(
        PROJECT + "/runs/stop",
        body -> {
          state.set(Shapes.run("terminated", "terminated", "stopped"));
          return FakeServer.ok(null);
        });
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          boolean fresh = body.get("next_token").isNull();
          if (!fresh) {
            server.holdBack(java.time.Duration.ofMillis(50));
          }
          return FakeServer.ok(fresh ? Shapes.logs("1", "hello from the job") : Shapes.logs("1"));
        });
    java.nio.file.Files.writeString(
        home.resolve(".dstack.yml"), "type: task\nname: train\ncommands: [x]\n");
  }

  @AfterEach
  void stop() throws Exception {
    if (server != null) {
      server.close();
      tmux("kill-server");
    }
  }

  @Test
  void tablesFitTheWindow() throws Exception {
    open(72, "ps -v");

    await("exit=0");

    assertThat(screen()).contains("train", "running", "cpu=x86:2").doesNotContain("…");
    assertThat(screen().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(72));
  }

  @Test
  void ctrlCAsksAndStops() throws Exception {
    open(100, "apply");
    await("Submit the run train?");
    tmux("send-keys", "-t", "t", "y", "Enter");
    await("hello from the job");

    tmux("send-keys", "-t", "t", "C-c");
    await("Stop the run train?");
    tmux("send-keys", "-t", "t", "y", "Enter");

    await("exit=130");
    assertThat(screen()).contains("Stopped");
    assertThat(server.calls(PROJECT + "/runs/stop")).hasSize(1);
  }

  @Test
  void ctrlCDetachesWhereNobodyWantsToBeAsked() throws Exception {
    open(100, "apply -y -v");
    await("hello from the job");

    tmux("send-keys", "-t", "t", "C-c");

    await("exit=130");
    assertThat(screen()).contains("Detached. The run train goes on");
  }

  /** Ctrl-C reaches every process of the terminal; the connection must not die of it. */
  @Test
  void ctrlCLeavesTheConnectionAloneUntilItIsAnswered() throws Exception {
    assumeTrue(succeeds("ssh", "-V"), "OpenSSH's client is not installed");
    try (FakeJob job = FakeJob.start(home)) {
      assumeTrue(job != null, "the port 10999 is taken here");
      Map<String, Object> user = job.user();
      server.on("/api/users/get_my_user", body -> FakeServer.ok(user));
      state.set(job.run(Shapes.running(), 0));
      open(100, "apply");
      await("Submit the run train?");
      tmux("send-keys", "-t", "t", "y", "Enter");
      await("ssh train");

      tmux("send-keys", "-t", "t", "C-c");
      await("Stop the run train?");
      job.says("held back\n");
      assertThat(home.resolve(".dstack/ssh/train.control.sock")).exists();
      assertThat(screen()).doesNotContain("held back");
      tmux("send-keys", "-t", "t", "n", "Enter");

      await("exit=130");
      assertThat(home.resolve(".dstack/ssh/config")).isEmptyFile();
      assertThat(home.resolve(".dstack/ssh/train.control.sock")).doesNotExist();
    }
  }

  private void open(int width, String words) throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String command =
        "env -u COLUMNS HOME="
            + home
            + " TERM=screen DSTACK_SERVER_URL="
            + server.url()
            + " DSTACK_PROJECT=main DSTACK_TOKEN=t "
            + java
            + " -XX:TieredStopAtLevel=1 -cp '"
            + System.getProperty("java.class.path")
            + "' dev.dstack.cli.Main "
            + words
            + "; echo exit=$?; sleep 60";
    tmux(
        "new-session",
        "-d",
        "-s",
        "t",
        "-x",
        String.valueOf(width),
        "-y",
        "60",
        "-c",
        home.toString(),
        command);
  }

  private void await(String text) {
    try {
      CliHarness.await(text, () -> screen().contains(text));
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + " on the screen:\n" + screen(), e);
    }
  }

  private String screen() {
    try {
      return tmux("capture-pane", "-p", "-t", "t");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private String tmux(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("tmux", "-S", socket, "-f", "/dev/null"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("TMUX");
    Process tmux = builder.start();
    String said = new String(tmux.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    tmux.waitFor();
    return said;
  }

  private static boolean succeeds(String... command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getInputStream().readAllBytes();
      return process.waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
