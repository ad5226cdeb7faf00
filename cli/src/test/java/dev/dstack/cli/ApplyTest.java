package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApplyTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;
  private final AtomicReference<Map<String, Object>> state =
      new AtomicReference<>(Shapes.running());

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    server.answers(PROJECT + "/runs/get_plan", Shapes.plan());
    server.on(
        PROJECT + "/runs/apply",
        body -> FakeServer.ok(Shapes.run("submitted", "submitted", "submitted")));
    server.on(PROJECT + "/runs/get", body -> FakeServer.ok(state.get()));
    server.on(PROJECT + "/runs/stop", body -> FakeServer.ok(null));
    cli = new CliHarness(home).connectedTo(server);
    file("type: task\nname: train\ncommands:\n- echo one\n");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void file(String yaml) throws IOException {
    Files.writeString(home.resolve(".dstack.yml"), yaml);
  }

  private Doc planned() {
    return server.calls(PROJECT + "/runs/get_plan").getLast().body();
  }

  private Doc configuration() {
    return planned().get("run_spec").get("configuration");
  }

  /** Output whose end the server knows, held back for a while where there is nothing new. */
  private void logs(List<String> lines) {
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          int from = Integer.parseInt(body.get("next_token").text("0"));
          for (int i = 0; i < 20 && from >= lines.size(); i++) {
            server.holdBack(java.time.Duration.ofMillis(10));
          }
          List<String> fresh = lines.subList(Math.min(from, lines.size()), lines.size());
          return FakeServer.ok(
              Shapes.logs(String.valueOf(lines.size()), fresh.toArray(String[]::new)));
        });
  }

  @Test
  void detachesAfterSubmitting() {
    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(cli.output())
        .contains(
            "Project",
            "main",
            "Type",
            "task (nodes=1)",
            "#",
            "T4:15GB:1",
            "The run train is submitted")
        .contains("2 of 3 offers, up to $2.5 an hour");
    Doc sent = server.calls(PROJECT + "/runs/apply").getFirst().body();
    assertThat(sent.get("plan").get("run_spec")).isEqualTo(Doc.of(Shapes.plan()).get("run_spec"));
    assertThat(sent.get("plan").get("current_resource").isNull()).isTrue();
    assertThat(sent.get("force").truth()).isFalse();
    assertThat(planned().get("max_offers").integer(0)).isEqualTo(3);
    assertThat(planned().at("run_spec", "repo_data", "repo_type").text()).isEqualTo("virtual");
    assertThat(planned().at("run_spec", "configuration_path").text()).isEqualTo(".dstack.yml");
    assertThat(planned().at("run_spec", "profile", "name").text()).isEqualTo("default");
    assertThat(server.calls(PROJECT + "/runs/get")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 80, 120, 200})
  void thePlanFitsTheTerminal(int width) {
    cli.env.put("NO_COLOR", "1");

    cli.terminal(width).run("apply", "-y", "-d");

    String shown = cli.output().replaceAll("\r\u001b\\[K[^\n\r]*", "");
    assertThat(shown.lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(width));
  }

  @Test
  void followsToTheEndAndAnswersWithTheRealStatus() {
    logs(List.of("one", "two"));

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("one\ntwo\n");
    state.set(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output())
        .containsOnlyOnce("one\n")
        .containsOnlyOnce("two\n")
        .endsWith("Exited (0)\n");
  }

  @Test
  void aFailedRunIsExitCodeOne() {
    logs(List.of("oops"));
    state.set(Shapes.run("failed", "failed", "exited (3)"));

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);

    assertThat(cli.output()).contains("oops\n", "Exited (3)");
  }

  @Test
  void worksWithAServerThatDoesNotHoldAnswersNorSaysWhereToGoOn() {
    AtomicInteger written = new AtomicInteger(1);
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          String[] lines = new String[written.get()];
          for (int i = 0; i < lines.length; i++) {
            lines[i] = "line " + i;
          }
          return FakeServer.ok(Shapes.logs(null, lines));
        });

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("line 0\n");
    written.set(3);
    cli.awaitOutput("line 2\n");
    written.set(5); // written, and the run is over before anybody asks again
    state.set(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).contains("line 0\nline 1\nline 2\nline 3\nline 4\nExited (0)\n");
    assertThat(cli.output().indexOf("is running")).isLessThan(cli.output().indexOf("line 0"));
  }

  @Test
  void outputThatCameWithTheEndIsNotLost() {
    List<String> lines = new java.util.concurrent.CopyOnWriteArrayList<>();
    logs(lines);

    CliHarness.Running apply = cli.start("apply", "-y");
    CliHarness.await("a log poll", () -> !server.calls(PROJECT + "/logs/poll").isEmpty());
    lines.addAll(List.of("last words"));
    state.set(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).contains("last words\nExited (0)\n");
  }

  @Test
  void outputThatEndsInMidLineGetsItsEnd() {
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          Map<String, Object> page = Shapes.logs("1");
          if (body.get("next_token").isNull()) {
            page.put("logs", List.of(Map.of("message", "bm8gZW5k"))); // "no end"
          }
          return FakeServer.ok(page);
        });
    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("no end");
    state.set(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).endsWith("no end\nExited (0)\n");
  }

  @Test
  void anAttemptThatGetsItsIdLaterIsReadOnce() {
    Map<String, Object> renamed =
        Shapes.copy(Doc.of(Shapes.running()).get("latest_job_submission"));
    renamed.put("id", "00000000-0000-4000-8000-0000000000ff");
    logs(List.of("only once"));

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("only once\n");
    state.set(Shapes.with(Shapes.running(), renamed));
    CliHarness.await(
        "a poll under the new id",
        () ->
            server.calls(PROJECT + "/logs/poll").stream()
                .anyMatch(
                    call ->
                        call.body()
                            .get("job_submission_id")
                            .is("00000000-0000-4000-8000-0000000000ff")));
    state.set(Shapes.done());

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).containsOnlyOnce("only once");
  }

  @Test
  void aRetriedRunIsFollowedOn() {
    Map<String, Object> second = Shapes.copy(Doc.of(Shapes.running()).get("latest_job_submission"));
    second.put("id", "00000000-0000-4000-8000-0000000000ee");
    second.put("submission_num", 1);
    server.on(
        PROJECT + "/logs/poll",
        body -> {
          boolean first = body.get("job_submission_id").is(Shapes.SUBMISSION);
          boolean fresh = body.get("next_token").isNull();
          if (!fresh) {
            server.holdBack(java.time.Duration.ofMillis(50));
          }
          return FakeServer.ok(
              fresh ? Shapes.logs("1", first ? "attempt one" : "attempt two") : Shapes.logs("1"));
        });

    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("attempt one\n");
    state.set(Shapes.run("pending", "failed", "retrying"));
    state.set(Shapes.with(Shapes.running(), second));
    cli.awaitOutput("attempt two\n");
    Map<String, Object> ended = new LinkedHashMap<>(second);
    ended.put("status", "done");
    ended.put("status_message", "exited (0)");
    state.set(Shapes.with(Shapes.done(), ended));

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).containsOnlyOnce("attempt one").containsOnlyOnce("attempt two");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 503})
  void aServerThatIsAwayForAMomentIsWaitedFor(int hangUpOrTrouble) {
    logs(List.of("before"));
    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("before\n");

    server.on(PROJECT + "/runs/get", body -> new FakeServer.Answer(hangUpOrTrouble, Map.of()));
    cli.awaitOutput("not reachable");
    server.on(PROJECT + "/runs/get", body -> FakeServer.ok(Shapes.done()));

    assertThat(apply.await()).isZero();
    assertThat(cli.output()).containsOnlyOnce("before\n").endsWith("Exited (0)\n");
  }

  @Test
  void theFirstCtrlCAsksAndNoDetaches() {
    logs(List.of());
    CliHarness.Running apply = cli.terminal(100).start("apply");
    cli.awaitOutput("Submit the run train?");
    cli.type("y");
    cli.awaitOutput("is running");

    cli.interrupt();
    cli.awaitOutput("Stop the run train?");
    cli.type("n");

    assertThat(apply.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(cli.output()).contains("Detached. The run train goes on");
    assertThat(server.calls(PROJECT + "/runs/stop")).isEmpty();
  }

  @Test
  void yesStopsTheRunAndWaitsForItsEnd() {
    logs(List.of());
    server.on(
        PROJECT + "/runs/stop",
        body -> {
          state.set(Shapes.run("terminated", "terminated", "stopped"));
          return FakeServer.ok(null);
        });
    CliHarness.Running apply = running();

    cli.interrupt();
    cli.awaitOutput("Stop the run train?");
    cli.type("y");

    assertThat(apply.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(cli.output()).contains("Stopped");
    assertThat(server.calls(PROJECT + "/runs/stop").getFirst().body().get("abort").truth())
        .isFalse();
  }

  @Test
  void theSecondCtrlCAborts() {
    logs(List.of());
    CliHarness.Running apply = running();

    cli.interrupt();
    cli.awaitOutput("Stop the run train?");
    cli.interrupt();

    assertThat(apply.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(cli.output()).contains("Aborted");
    assertThat(server.calls(PROJECT + "/runs/stop").getFirst().body().get("abort").truth())
        .isTrue();
  }

  @Test
  void withoutATerminalCtrlCOnlyDetaches() {
    logs(List.of());
    CliHarness.Running apply = cli.start("apply", "-y");
    cli.awaitOutput("is running");

    cli.interrupt();

    assertThat(apply.await()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(cli.output()).contains("dstack stop train");
    assertThat(server.calls(PROJECT + "/runs/stop")).isEmpty();
  }

  /** Started at a terminal, past the question and running. */
  private CliHarness.Running running() {
    CliHarness.Running apply = cli.terminal(100).start("apply");
    cli.awaitOutput("Submit the run train?");
    cli.type("y");
    cli.awaitOutput("is running");
    return apply;
  }

  @Test
  void noIsNo() {
    CliHarness.Running apply = cli.terminal(100).start("apply");
    cli.awaitOutput("[y/n]");
    cli.type("maybe");
    cli.type("n");

    assertThat(apply.await()).isEqualTo(ExitCode.FAILED);
    assertThat(server.calls(PROJECT + "/runs/apply")).isEmpty();
  }

  @Test
  void nobodyToAskNeedsYes() {
    assertThat(cli.run("apply")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("pass -y");
  }

  @Test
  void optionsAreStrongerThanTheFile() throws IOException {
    file(
        "type: task\nname: train\nmax_price: 9\nspot_policy: auto\nresources:\n  cpu: 1\n  memory: 1GB\n"
            + "commands:\n- train ${{ run.args }} $$\nenv:\n- KEPT=1\n- CHANGED=1\n");

    cli.run(
        "apply",
        "-y",
        "-d",
        "-n",
        "other",
        "--max-price",
        "0.5",
        "--on-demand",
        "--cpu",
        "x86:2..",
        "--gpu",
        "A100:1",
        "-b",
        "aws",
        "-b",
        "gcp",
        "-r",
        "eu",
        "--fleet",
        "f",
        "-R",
        "--max-duration",
        "2h",
        "--retry-duration",
        "30m",
        "-e",
        "CHANGED=2",
        "--",
        "--lr",
        "a b");

    Doc sent = configuration();
    assertThat(sent.get("name").text()).isEqualTo("other");
    assertThat(planned().at("run_spec", "run_name").text()).isEqualTo("other");
    assertThat(sent.get("max_price").number()).isEqualTo(0.5);
    assertThat(sent.get("spot_policy").text()).isEqualTo("on-demand");
    assertThat(sent.at("resources", "cpu").text()).isEqualTo("x86:2..");
    assertThat(sent.at("resources", "memory").text()).isEqualTo("1GB");
    assertThat(sent.at("resources", "gpu").text()).isEqualTo("A100:1");
    assertThat(sent.get("backends")).isEqualTo(Doc.of(List.of("aws", "gcp")));
    assertThat(sent.get("creation_policy").text()).isEqualTo("reuse");
    assertThat(sent.get("max_duration").integer(0)).isEqualTo(7200);
    assertThat(sent.at("retry", "duration").integer(0)).isEqualTo(1800);
    assertThat(sent.get("env")).isEqualTo(Doc.of(Map.of("KEPT", "1", "CHANGED", "2")));
    assertThat(sent.get("commands").first().text()).isEqualTo("train --lr 'a b' $");
  }

  @Test
  void readsStandardInput() {
    byte[] yaml = "type: task\ncommands: [x]\n".getBytes(StandardCharsets.UTF_8);

    int exit = cli.runWithInput(new ByteArrayInputStream(yaml), "apply", "-f", "-", "-y", "-d");

    assertThat(exit).isZero();
    assertThat(planned().at("run_spec", "configuration_path").text()).isEqualTo("-");
  }

  @Test
  void uploadsFilesThatTheServerLacks() throws IOException {
    file("type: task\ncommands: [x]\nfiles:\n- data.txt\n- data.txt:/in/data.txt\n");
    Files.writeString(home.resolve("data.txt"), "data");
    AtomicInteger asked = new AtomicInteger();
    server.on(
        "/api/files/get_archive_by_hash",
        body ->
            asked.getAndIncrement() == 0
                ? FakeServer.error(400, "no such archive", "resource_not_exists")
                : FakeServer.ok(Map.of("id", "known", "hash", body.get("hash").text(""))));
    server.answers("/api/files/upload_archive", Map.of("id", "fresh", "hash", "h"));

    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(server.calls("/api/files/upload_archive")).hasSize(1);
    String form = server.calls("/api/files/upload_archive").getFirst().body().text("");
    String hash =
        server.calls("/api/files/get_archive_by_hash").getFirst().body().get("hash").text("");
    assertThat(form).contains("name=\"file\"; filename=\"" + hash + "\"", "data.txt", "ustar");
    assertThat(planned().at("run_spec", "file_archives"))
        .isEqualTo(
            Doc.of(
                List.of(
                    Map.of("id", "fresh", "path", "data.txt"),
                    Map.of("id", "known", "path", "/in/data.txt"))));
  }

  @Test
  void aMissingFileIsToldWithItsLine() throws IOException {
    file("type: task\ncommands: [x]\nfiles:\n- absent.txt\n");

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors())
        .contains(".dstack.yml:4: files: there is no " + home.resolve("absent.txt"));
  }

  @Test
  void aPlanThatNothingServesSaysWhy() {
    Map<String, Object> plan = Shapes.plan();
    Map<String, Object> jobPlan = Shapes.copy(Doc.of(plan).get("job_plans").first());
    jobPlan.put("offers", List.of());
    plan.put("job_plans", List.of(jobPlan));
    server.answers(PROJECT + "/runs/get_plan", plan);
    cli.run("apply", "-y", "-d");
    assertThat(cli.output() + cli.errors()).as("of upstream's server").contains("Ask for less");

    server.answers(
        PROJECT + "/runs/get_plan_refusals",
        Map.of("refusals", List.of("instance local-0: disk: 60GB free, asked 100GB")));
    cli.out.reset();
    cli.run("apply", "-y", "-d");
    assertThat(cli.output() + cli.errors())
        .containsSubsequence("Nothing can serve this run now:", "instance local-0: disk: 60GB");
  }

  @Test
  void whatTheServerRefusesIsToldWithItsLine() throws IOException {
    file("type: task\ncommands: [x]\nresources:\n  gpu: 1\n  colour: red\n");
    server.on(
        PROJECT + "/runs/get_plan",
        body ->
            new FakeServer.Answer(
                422,
                Map.of(
                    "detail",
                    List.of(
                        Map.of(
                            "type", "extra_forbidden",
                            "loc",
                                List.of(
                                    "body",
                                    "run_spec",
                                    "configuration",
                                    "task",
                                    "resources",
                                    "colour"),
                            "msg", "not a field")))));

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains(".dstack.yml:5: resources.colour: not a field");
  }

  @Test
  void whatTheServerCanNotDoIsToldWithItsLine() throws IOException {
    file("type: task\ncommands: [x]\nimage: a\nresources:\n  gpu: 1\n");
    server.on(
        PROJECT + "/runs/get_plan",
        body ->
            FakeServer.error(
                400, "`image` is not there; `resources.gpu` is bad; `nodes` too", "error"));

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors())
        .contains(".dstack.yml:3: `image` is not there\n")
        .contains(".dstack.yml:5: `resources.gpu` is bad\n")
        .contains(".dstack.yml: `nodes` too\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"service", "gateway", "preset", "nonsense"})
  void otherTypesAreRefusedByName(String type) throws IOException {
    file("name: x\ntype: " + type + "\n");

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains(".dstack.yml:2", "`" + type + "`");
    assertThat(server.calls()).isEmpty();
  }

  @Test
  void relativeWorkingDirectoriesAreRefused() throws IOException {
    file("type: task\ncommands: [x]\nworking_dir: sub\n");

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains(".dstack.yml:3", "absolute");
  }

  private Map<String, Object> planOver(Map<String, Object> present, String action, int priority) {
    Map<String, Object> plan = Shapes.plan();
    Map<String, Object> spec = Shapes.copy(Doc.of(plan).get("run_spec"));
    Map<String, Object> configuration = Shapes.copy(Doc.of(spec).get("configuration"));
    configuration.put("priority", priority);
    spec.put("configuration", configuration);
    plan.put("effective_run_spec", spec);
    plan.put("current_resource", present);
    plan.put("action", action);
    return plan;
  }

  @Test
  void nothingChangedIsNothingToDo() {
    server.answers(PROJECT + "/runs/get_plan", planOver(Shapes.running(), "update", 0));

    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(cli.output()).contains("nothing changed", "--force");
    assertThat(server.calls(PROJECT + "/runs/apply")).isEmpty();
  }

  @Test
  void forceSubmitsAgain() {
    server.answers(PROJECT + "/runs/get_plan", planOver(Shapes.running(), "update", 0));
    state.set(Shapes.done());

    assertThat(cli.run("apply", "-y", "-d", "--force")).isZero();

    assertThat(server.calls(PROJECT + "/runs/stop")).hasSize(1);
    assertThat(server.calls(PROJECT + "/runs/apply")).hasSize(1);
  }

  @Test
  void changesThatCanBeMadeInPlaceAre() {
    server.answers(PROJECT + "/runs/get_plan", planOver(Shapes.running(), "update", 7));

    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(cli.output())
        .contains("while it runs", "- priority: 0 → 7", "The run train is changed");
    assertThat(server.calls(PROJECT + "/runs/stop")).isEmpty();
    assertThat(
            server
                .calls(PROJECT + "/runs/apply")
                .getFirst()
                .body()
                .at("plan", "current_resource", "status")
                .text())
        .isEqualTo("running");
  }

  @Test
  void otherChangesStopTheRunFirst() {
    server.answers(PROJECT + "/runs/get_plan", planOver(Shapes.running(), "create", 7));
    server.on(
        PROJECT + "/runs/stop",
        body -> {
          state.set(Shapes.run("terminated", "terminated", "stopped"));
          return FakeServer.ok(null);
        });

    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(cli.output()).contains("to be stopped first", "The run train is submitted");
    List<String> order = server.calls().stream().map(FakeServer.Call::path).toList();
    assertThat(order.indexOf(PROJECT + "/runs/stop"))
        .isLessThan(order.indexOf(PROJECT + "/runs/apply"));
  }

  @Test
  void aFinishedRunOfTheNameIsNoObstacle() {
    server.answers(PROJECT + "/runs/get_plan", planOver(Shapes.done(), "create", 7));

    assertThat(cli.run("apply", "-y", "-d")).isZero();

    assertThat(cli.output()).doesNotContain("changes");
    assertThat(server.calls(PROJECT + "/runs/stop")).isEmpty();
  }
}
