package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attached with the real OpenSSH client to a job that is an SSH server in this process. */
class AttachTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private FakeJob job;
  private CliHarness cli;
  private ServerSocket app;
  private final AtomicReference<Map<String, Object>> state = new AtomicReference<>();

  @BeforeEach
  void start() throws Exception {
    assumeTrue(
        Programs.find("ssh", Map.of()) != null && Programs.find("ssh-keygen", Map.of()) != null,
        "OpenSSH's client is not installed: attaching is not tested");
    job = FakeJob.start(home);
    assumeTrue(job != null, "the port 10999 is taken here: attaching is not tested");
    app = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::answer);
    server = new FakeServer();
    server.on("/api/users/get_my_user", body -> FakeServer.ok(user()));
    Map<String, Object> plan = Shapes.plan();
    Map<String, Object> jobPlan = Shapes.copy(Doc.of(plan).get("job_plans").first());
    Map<String, Object> jobSpec = Shapes.copy(Doc.of(jobPlan).get("job_spec"));
    jobSpec.put("app_specs", FakeJob.apps(app.getLocalPort()));
    jobPlan.put("job_spec", jobSpec);
    plan.put("job_plans", List.of(jobPlan));
    server.answers(PROJECT + "/runs/get_plan", plan);
    server.on(
        PROJECT + "/runs/apply",
        body -> FakeServer.ok(Shapes.run("submitted", "submitted", "submitted")));
    state.set(job.run(Shapes.running(), 0, app.getLocalPort()));
    server.on(PROJECT + "/runs/get", body -> FakeServer.ok(state.get()));
    server.on(PROJECT + "/logs/poll", body -> FakeServer.ok(Shapes.logs("1")));
    cli = new CliHarness(home).connectedTo(server);
    Files.writeString(
        home.resolve(".dstack.yml"), "type: task\nname: train\ncommands:\n- echo one\n");
  }

  @AfterEach
  void stop() throws Exception {
    if (server != null) {
      server.close();
      app.close();
    }
    if (job != null) {
      job.close();
    }
  }

  private Map<String, Object> user() {
    try {
      return job.user();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The job's program: says hello to everybody. */
  private void answer() {
    while (!app.isClosed()) {
      try (Socket socket = app.accept()) {
        socket.getOutputStream().write("hello\n".getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        return;
      }
    }
  }

  private String config() {
    Path file = home.resolve(".dstack/ssh/config");
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private boolean hasMaster() {
    return ProcessHandle.allProcesses()
        .anyMatch(
            process ->
                List.of(process.info().arguments().orElse(new String[0]))
                    .contains(home.resolve(".dstack/ssh/train.control.sock").toString()));
  }

  private int localPort() {
    String ports =
        cli.output().lines().filter(line -> line.contains(" → ")).findFirst().orElseThrow();
    return Integer.parseInt(ports.replaceAll(".*localhost:(\\d+) →.*", "$1"));
  }

  private void over(Map<String, Object> how) throws IOException {
    state.set(job.run(how, 0, app.getLocalPort()));
  }

  @Test
  void applyForwardsShowsTheLiveOutputAndCleansUp() throws Exception {
    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("Ctrl-C asks");
    job.says("one\n");
    cli.awaitOutput("one\n");

    assertThat(cli.output()).contains("Shell", "ssh train");
    assertThat(localPort()).isNotEqualTo(app.getLocalPort()); // that one is taken, by the job
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), localPort())) {
      assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
          .isEqualTo("hello\n");
    }
    assertThat(config()).contains("Host train\n", "    Port " + job.port() + "\n");
    assertThat(home.resolve(".ssh/config"))
        .hasContent("Include " + home.resolve(".dstack/ssh/config") + "\n");
    job.says("x".repeat(300) + "\n");
    job.says("two\n");
    job.ends();
    over(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output())
        .containsOnlyOnce("one\n")
        .contains("x".repeat(300) + "\ntwo\n")
        .endsWith("Exited (0)\n");
    assertThat(config()).doesNotContain("train");
    CliHarness.await("the end of ssh", () -> !hasMaster());
    assertThat(server.calls(PROJECT + "/logs/poll")).isEmpty();
  }

  @Test
  void outputThatBreaksOffGoesOnFromTheServer() throws Exception {
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          int from = Integer.parseInt(body.get("next_token").text("0"));
          List<String> all = List.of("one", "two", "three");
          return FakeServer.ok(
              Shapes.logs("3", all.subList(Math.min(from, 3), 3).toArray(String[]::new)));
        });
    CliHarness.Running apply = cli.start("apply", "-y");
    CliHarness.await("a reader", () -> job.isRead());
    job.says("one\ntw");
    cli.awaitOutput("one\ntw");

    job.breaksOff();
    cli.awaitOutput("three\n");
    over(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).contains("one\ntwo\nthree\nExited (0)\n").containsOnlyOnce("one\n");
  }

  @Test
  void aLostConnectionComesBackWithTheSamePorts() throws Exception {
    CliHarness.Running attach = cli.start("attach", "train");
    cli.awaitOutput("Ctrl-C detaches");
    int port = localPort();

    job.losesConnections();
    cli.awaitOutput("connecting again");
    CliHarness.await("the port again", () -> answers(port));

    cli.interrupt();
    assertThat(attach.await()).isZero();
    assertThat(cli.output()).endsWith("Detached\n");
    assertThat(config()).doesNotContain("train");
    CliHarness.await("the end of ssh", () -> !hasMaster());
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
          .equals("hello\n");
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void attachSharesAConnectionThatIsThere() throws Exception {
    CliHarness.Running first = cli.start("attach", "train", "-p", "*:" + app.getLocalPort());
    cli.awaitOutput("Ctrl-C detaches");
    int port = localPort();
    CliHarness other = new CliHarness(home).connectedTo(server);

    CliHarness.Running second = other.start("attach", "train", "--logs");
    other.awaitOutput("localhost:" + port + " →");
    CliHarness.await("a reader", () -> job.isRead());
    job.says("shared\n");
    other.awaitOutput("shared\n");
    other.interrupt();

    assertThat(second.await()).isZero();
    assertThat(answers(port)).isTrue(); // it was not the second's to end
    assertThat(config()).contains("Host train\n");
    cli.interrupt();
    assertThat(first.await()).isZero();
    CliHarness.await("the end of ssh", () -> !hasMaster());
  }

  @Test
  void attachEndsWithTheRun() throws Exception {
    CliHarness.Running attach = cli.start("attach", "train", "--logs");
    CliHarness.await("a reader", () -> job.isRead());
    job.says("last words\n");
    job.ends();
    over(Shapes.run("failed", "failed", "exited (3)"));

    assertThat(attach.await()).isEqualTo(ExitCode.FAILED);
    assertThat(cli.output()).contains("last words\n", "Exited (3)");
  }

  @Test
  void aRetriedRunIsAttachedToAgain() throws Exception {
    CliHarness.Running apply = cli.start("apply", "-y");
    CliHarness.await("a reader", () -> job.isRead());
    job.says("attempt one\n");
    cli.awaitOutput("attempt one\n");
    job.ends();
    state.set(job.run(Shapes.run("pending", "failed", "retrying"), 0, app.getLocalPort()));
    CliHarness.await("the end of the first connection", () -> !config().contains("Host train"));
    state.set(job.run(Shapes.running(), 1, app.getLocalPort()));
    CliHarness.await("another reader", () -> job.isRead());
    job.says("attempt two\n");
    job.ends();
    state.set(job.run(Shapes.done(), 1, app.getLocalPort()));

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).containsOnlyOnce("attempt one").containsOnlyOnce("attempt two");
  }

  @Test
  void aKeyThatIsNotAcceptedIsSaid() throws Exception {
    Path other = home.resolve("other");
    Process keygen =
        new ProcessBuilder("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other.toString())
            .start();
    assertThat(keygen.waitFor()).isZero();

    assertThat(cli.run("attach", "train", "--ssh-identity", other.toString()))
        .isEqualTo(ExitCode.FAILED);

    assertThat(cli.errors()).contains("Can't attach to train", "does not accept the key");
    assertThat(config()).doesNotContain("Host train");
  }

  @Test
  void withoutAWayInTheOutputComesFromTheServer() throws Exception {
    cli.env.put("DSTACK_SSH_CLIENT", home.resolve("absent").toString());
    server.on(
        PROJECT + "/logs/poll",
        body ->
            FakeServer.ok(
                body.get("next_token").isNull() ? Shapes.logs("1", "one") : Shapes.logs("1")));

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("one\n");
    over(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).contains("Not attached: no SSH client");
  }

  @Test
  void aLocalPortThatIsTakenIsSaidBeforeTheRunStarts() throws Exception {
    Map<String, Object> plan =
        new HashMap<>(Shapes.copy(server.calls().isEmpty() ? Doc.of(Shapes.plan()) : Doc.NULL));
    Map<String, Object> jobPlan = Shapes.copy(Doc.of(plan).get("job_plans").first());
    Map<String, Object> jobSpec = Shapes.copy(Doc.of(jobPlan).get("job_spec"));
    Map<String, Object> fixed = new HashMap<>();
    fixed.put("port", 80L);
    fixed.put("map_to_port", (long) app.getLocalPort());
    jobSpec.put("app_specs", List.of(fixed));
    jobPlan.put("job_spec", jobSpec);
    plan.put("job_plans", List.of(jobPlan));
    server.answers(PROJECT + "/runs/get_plan", plan);

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);

    assertThat(cli.errors()).contains("local port " + app.getLocalPort(), ":80");
    assertThat(server.calls(PROJECT + "/runs/apply")).isEmpty();
  }

  @Test
  void aDevEnvironmentShowsItsLink() throws Exception {
    Files.writeString(
        home.resolve(".dstack.yml"),
        "type: dev-environment\nname: train\nide: vscode\nversion: c\n");
    Map<String, Object> run = job.run(Shapes.running(), 0, app.getLocalPort());
    Map<String, Object> spec = Shapes.copy(Doc.of(run).get("run_spec"));
    Map<String, Object> configuration = Shapes.copy(Doc.of(spec).get("configuration"));
    configuration.put("type", "dev-environment");
    configuration.put("ide", "vscode");
    configuration.put("working_dir", "/work");
    spec.put("configuration", configuration);
    run.put("run_spec", spec);
    state.set(run);

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("vscode://vscode-remote/ssh-remote+train/work\n");
    cli.awaitOutput("Ctrl-C asks");
    cli.interrupt();

    assertThat(apply.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(config()).doesNotContain("train");
  }
}
