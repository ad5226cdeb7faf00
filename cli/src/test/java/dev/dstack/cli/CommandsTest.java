package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.config.ClientConfig;
import dev.dstack.cli.config.ProjectEntry;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    server.answers(PROJECT + "/runs/get", Shapes.done());
    cli = new CliHarness(home).connectedTo(server);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void logsOfAFinishedRunAreAllOfThem() {
    server.on(
        PROJECT + "/logs/poll",
        body ->
            FakeServer.ok(
                body.get("next_token").isNull()
                    ? Shapes.logs("1000", "one")
                    : Shapes.logs(null, "two")));

    assertThat(cli.run("logs", "train", "--since", "5m", "-d")).isZero();

    assertThat(cli.output()).isEqualTo("one\ntwo\n");
    Doc asked = server.calls(PROJECT + "/logs/poll").getFirst().body();
    assertThat(asked.get("start_time").text()).isEqualTo("2026-11-20T11:55:00Z");
    assertThat(asked.get("diagnose").truth()).isTrue();
    assertThat(asked.get("job_submission_id").text()).isEqualTo(Shapes.SUBMISSION);
  }

  @Test
  void logsFollowUntilTheRunEndsOrCtrlC() {
    server.answers(PROJECT + "/runs/get", Shapes.running());
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          boolean fresh = body.get("next_token").isNull();
          if (!fresh) {
            server.holdBack(java.time.Duration.ofMillis(50));
          }
          return FakeServer.ok(fresh ? Shapes.logs("1", "one") : Shapes.logs("1"));
        });

    CliHarness.Running logs = cli.start("logs", "train");
    cli.awaitOutput("one\n");
    cli.interrupt();

    assertThat(logs.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(cli.output()).isEqualTo("one\n");
  }

  @Test
  void logsKnowTheJobsThereAre() {
    assertThat(cli.run("logs", "train", "--job", "3")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("no job 3");
    assertThat(cli.run("logs", "train", "--since", "tomorrow")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void stopAsksForAStop() {
    server.answers(PROJECT + "/runs/get", Shapes.running());
    server.answers(PROJECT + "/runs/stop", Map.of());

    assertThat(cli.run("stop", "-y", "train")).isZero();
    assertThat(cli.run("stop", "-xy", "train")).isZero();

    assertThat(cli.output()).isEqualTo("Stopped\nAborted\n");
    assertThat(server.calls(PROJECT + "/runs/stop").get(0).body())
        .isEqualTo(Doc.of(Map.of("runs_names", List.of("train"), "abort", false)));
    assertThat(server.calls(PROJECT + "/runs/stop").get(1).body().get("abort").truth()).isTrue();
  }

  @Test
  void stopOfAnEndedRunSaysSo() {
    assertThat(cli.run("stop", "-y", "train")).isZero();
    assertThat(cli.output()).contains("ended already: exited (0)");
    assertThat(server.calls(PROJECT + "/runs/stop")).isEmpty();
  }

  @Test
  void deleteIsForFinishedRuns() {
    server.answers(PROJECT + "/runs/delete", Map.of());

    assertThat(cli.run("delete", "-y", "train")).isZero();
    assertThat(cli.run("destroy", "-y", "train")).isZero();
    assertThat(server.calls(PROJECT + "/runs/delete")).hasSize(2);

    server.answers(PROJECT + "/runs/get", Shapes.running());
    assertThat(cli.run("delete", "-y", "train")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("dstack stop train");
  }

  @Test
  void runGetShowsAndPrintsJson() {
    assertThat(cli.run("run", "get", "train")).isZero();
    assertThat(cli.output()).contains("Status", "exited (0)", "Cost", "$0.5");

    cli.out.reset();
    assertThat(cli.run("run", "get", "--id", "abc", "--json")).isZero();
    assertThat(JsonText.read(cli.output().getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(Doc.of(Shapes.done()));
    assertThat(server.calls(PROJECT + "/runs/get").getLast().body().get("id").text())
        .isEqualTo("abc");
    assertThat(cli.run("run", "get")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.run("run")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void offersAreListedAndPrintedAsJson() {
    server.answers(PROJECT + "/runs/get_plan", Shapes.plan());

    assertThat(cli.run("offer", "--gpu", "T4", "--max-offers", "2")).isZero();
    assertThat(cli.output())
        .contains("Spot policy", "on-demand", "T4:15GB:1", "idle", "2 of 3 offers");
    Doc asked = server.calls(PROJECT + "/runs/get_plan").getFirst().body();
    assertThat(asked.get("for_offers_only").truth()).isTrue();
    assertThat(asked.get("max_offers").integer(0)).isEqualTo(2);
    assertThat(asked.at("run_spec", "configuration", "resources", "gpu").text()).isEqualTo("T4");

    cli.out.reset();
    assertThat(cli.run("offer", "--json")).isZero();
    Doc output = JsonText.read(cli.output().getBytes(StandardCharsets.UTF_8));
    assertThat(output.fields())
        .containsOnlyKeys("project", "user", "requirements", "offers", "total_offers");
    assertThat(output.get("requirements").fields())
        .containsOnlyKeys("resources", "max_price", "spot", "reservation");
  }

  @Test
  void gpusAreGrouped() {
    Map<String, Object> gpu =
        Map.of(
            "name",
            "H100",
            "memory_mib",
            81920,
            "vendor",
            "nvidia",
            "availability",
            List.of("available"),
            "spot",
            List.of("spot", "on-demand"),
            "count",
            Map.of("min", 1, "max", 8),
            "price",
            Map.of("min", 1.5, "max", 2.25),
            "backends",
            List.of("aws", "gcp"));
    server.answers(PROJECT + "/gpus/list", Map.of("gpus", List.of(gpu)));

    assertThat(cli.run("offer", "--group-by", "gpu,count")).isZero();

    assertThat(cli.output()).contains("H100:80GB:1..8", "1.5..2.25", "aws, gcp", "spot, on-demand");
    assertThat(server.calls(PROJECT + "/gpus/list").getFirst().body().get("group_by"))
        .isEqualTo(Doc.of(List.of("count")));
    assertThat(cli.run("offer", "--group-by", "backend")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.run("offer", "--group-by", "gpu,region")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.run("offer", "--group-by", "colour")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void fleetsAreListedWithTheirInstances() {
    server.answers(PROJECT + "/fleets/list", List.of(Shapes.canned("fleet").value()));
    server.answers(PROJECT + "/fleets/get", Shapes.canned("fleet").value());

    assertThat(cli.run("fleet")).isZero();
    assertThat(cli.output()).contains("local", "active", "instance=0", "idle", "0..1", "T4:15GB:1");
    assertThat(cli.run("fleet", "list", "-v")).isZero();
    assertThat(cli.output()).contains("cpu=x86:2 mem=8GB disk=100GB");
    assertThat(cli.run("fleet", "get", "local", "--json")).isZero();
    assertThat(server.calls(PROJECT + "/fleets/get").getFirst().body().get("name").text())
        .isEqualTo("local");
  }

  @Test
  @SuppressWarnings("unchecked")
  void aFleetTellsWhatItWantsAndWhatItsInstancesAre() {
    Map<String, Object> fleet = (Map<String, Object>) Shapes.canned("fleet").value();
    Map<String, Object> configuration =
        (Map<String, Object>) ((Map<String, Object>) fleet.get("spec")).get("configuration");
    configuration.put("backends", null);
    Map<String, Object> gpu =
        (Map<String, Object>) ((Map<String, Object>) configuration.get("resources")).get("gpu");
    gpu.put("name", List.of("H100"));
    gpu.put("count", Map.of("min", 2, "max", 8));
    Map<String, Object> instance = ((List<Map<String, Object>>) fleet.get("instances")).getFirst();
    instance.put("total_blocks", 4);
    instance.put("busy_blocks", 0);
    instance.put("health_status", "warning");
    instance.put("availability_zone", "eu-west-1b");
    instance.put("gpu_driver", Map.of("vendor", "nvidia", "version", "550.54.15"));
    server.answers(PROJECT + "/fleets/list", List.of(fleet));

    assertThat(cli.run("fleet")).isZero();
    assertThat(cli.output()).contains("H100:2..8", "*", "0/4 busy (warning)");
    cli.out.reset();
    assertThat(cli.run("fleet", "-v")).isZero();
    assertThat(cli.output()).contains("550.54.15", "eu-west-1b");
    instance.put("status", "provisioning");
    cli.out.reset();
    assertThat(cli.run("fleet")).isZero();
    assertThat(cli.output()).contains("provisioning").doesNotContain("busy", "(warning)");
  }

  @Test
  void eventsAreLinesForGrep() {
    server.answers("/api/projects/main/get", Map.of("project_id", "p-1"));
    server.answers(
        "/api/events/list",
        List.of(event("2", "run hello", "second"), event("1", "run hello", "first")));

    assertThat(cli.run("event")).isZero();

    assertThat(cli.output())
        .containsSubsequence("[👤admin]", "[run hello, fleet other/f]", "first", "second");
    assertThat(cli.output().lines()).hasSize(2);
    Doc asked = server.calls("/api/events/list").getFirst().body();
    assertThat(asked.get("within_projects")).isEqualTo(Doc.of(List.of("p-1")));
    assertThat(asked.get("ascending").truth()).isFalse();
  }

  @Test
  void eventsAreFilteredById() {
    server.answers("/api/events/list", List.of());

    assertThat(
            cli.run(
                "event", "--within-run", "train", "--since", "1h", "--include-target-type", "job"))
        .isZero();

    Doc asked = server.calls("/api/events/list").getFirst().body();
    assertThat(asked.get("within_runs"))
        .isEqualTo(Doc.of(List.of("00000000-0000-4000-8000-000000000001")));
    assertThat(asked.get("include_target_types")).isEqualTo(Doc.of(List.of("job")));
    assertThat(asked.get("prev_recorded_at").text()).isEqualTo("2026-11-20T11:00:00Z");
    assertThat(asked.get("ascending").truth()).isTrue();
    assertThat(asked.get("within_projects").isNull()).isTrue();
    assertThat(cli.run("event", "--target-run", "a", "--target-fleet", "b"))
        .isEqualTo(ExitCode.USAGE);
  }

  private static Map<String, Object> event(String id, String target, String message) {
    Map<String, Object> event = new HashMap<>();
    event.put("id", id);
    event.put("message", message);
    event.put("recorded_at", "2026-11-20T11:00:0" + id + "Z");
    event.put("actor_user", "admin");
    event.put(
        "targets",
        List.of(
            Map.of("type", "run", "name", target.substring(4), "project_name", "main"),
            Map.of("type", "fleet", "name", "f", "project_name", "other")));
    return event;
  }

  @Test
  void secretsAreManaged() {
    Map<String, Object> secret = new HashMap<>(Map.of("id", "1", "name", "KEY"));
    secret.put("value", null);
    server.answers(PROJECT + "/secrets/list", List.of(secret));
    server.answers(PROJECT + "/secrets/get", Map.of("id", "1", "name", "KEY", "value", "v4lue"));
    server.answers(PROJECT + "/secrets/create_or_update", Map.of());
    server.answers(PROJECT + "/secrets/delete", Map.of());

    assertThat(cli.run("secret")).isZero();
    assertThat(cli.output()).contains("KEY   ******");
    assertThat(cli.run("secret", "get", "KEY")).isZero();
    assertThat(cli.output()).contains("v4lue");
    assertThat(cli.run("secret", "--project", "main", "set", "KEY", "new")).isZero();
    assertThat(server.calls(PROJECT + "/secrets/create_or_update").getFirst().body())
        .isEqualTo(Doc.of(Map.of("name", "KEY", "value", "new")));
    cli.type("typed");
    assertThat(cli.run("secret", "set", "KEY", "-")).isZero();
    assertThat(
            server
                .calls(PROJECT + "/secrets/create_or_update")
                .getLast()
                .body()
                .get("value")
                .text())
        .isEqualTo("typed");
    assertThat(cli.run("secret", "delete", "-y", "KEY")).isZero();
    assertThat(cli.run("secret", "explode")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void projectsAreWrittenDownAfterTheServerAgreed() {
    server.answers("/api/projects/research/get", Map.of("project_id", "1"));
    server.answers("/api/users/get_my_user", Map.of("username", "ada"));
    Path file = home.resolve(".dstack/config.yml");
    cli.env.clear();

    assertThat(
            cli.run(
                "project",
                "add",
                "--name",
                "research",
                "--url",
                server.url(),
                "--token",
                "s3cret",
                "-y"))
        .isZero();
    assertThat(cli.run("project", "list", "-v")).isZero();

    assertThat(cli.output())
        .contains("research", server.url(), "ada", "✓")
        .doesNotContain("s3cret");
    assertThat(ClientConfig.load(file).defaultProject())
        .contains(new ProjectEntry("research", server.url(), "s3cret", true));

    assertThat(cli.run("project", "add", "--name", "absent", "--url", server.url(), "--token", "t"))
        .isEqualTo(ExitCode.FAILED);
    assertThat(ClientConfig.load(file).projects()).hasSize(1);
    assertThat(
            cli.run(
                "config", "--project", "research", "--url", server.url(), "--token", "t2", "-n"))
        .isZero();
    assertThat(ClientConfig.load(file).project("research")).map(ProjectEntry::token).contains("t2");
    assertThat(cli.run("project", "set-default", "research")).isZero();
    assertThat(cli.run("project", "set-default", "nope")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.run("project", "delete", "--name", "research", "-y")).isZero();
    assertThat(ClientConfig.load(file).projects()).isEmpty();
  }

  @Test
  void initRegistersARepo() throws IOException {
    FakeGit git = FakeGit.in(home, cli);
    git.opensTo("Authorization: Basic");

    assertThat(cli.run("init", "-P", "https://github.com/acme/widgets.git", "-t", "tok")).isZero();

    Doc sent = server.calls(PROJECT + "/repos/init").getFirst().body();
    assertThat(sent.get("repo_id").text()).isEqualTo("widgets-gmj74eg4");
    assertThat(sent.at("repo_creds", "oauth_token").text()).isEqualTo("tok");
    assertThat(cli.run("init")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("no Git repo");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gateway", "preset", "export", "import", "login"})
  void laterCommandsAreRefusedByName(String name) {
    assertThat(cli.run(name, "list")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("`dstack " + name + "` is not in this release");
  }

  @Test
  void theServerIsStartedByTheScript() {
    assertThat(cli.run("server")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("dev.dstack.server.Main");
    assertThat(cli.run("server", "--help")).isZero();
    assertThat(cli.output()).contains("--port", "--role");
  }

  @Test
  void generalWords() {
    assertThat(cli.run("--version")).isZero();
    assertThat(cli.run("-v")).isZero();
    assertThat(cli.output()).contains("0.22.5");
    cli.out.reset();
    assertThat(cli.run()).isZero();
    assertThat(cli.output()).contains("Exit codes", "130");
    assertThat(cli.run("ps", "--help")).isZero();
    assertThat(cli.run("nonsense")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.errors()).contains("`nonsense`", "apply, ps");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void completionIsAScriptThatShellsRead(String shell) throws Exception {
    assertThat(cli.run("completion", shell)).isZero();
    assertThat(cli.output()).contains("complete -F", "--max-offers", "set-default");

    Process bash = new ProcessBuilder("bash", "-n").redirectErrorStream(true).start();
    bash.getOutputStream().write(cli.output().getBytes(StandardCharsets.UTF_8));
    bash.getOutputStream().close();
    String said = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(bash.waitFor()).as(said).isZero();
  }
}
