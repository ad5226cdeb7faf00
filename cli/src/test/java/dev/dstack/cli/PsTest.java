package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PsTest {
  private static final String LIST = "/api/runs/list";

  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    cli = new CliHarness(home).connectedTo(server);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void showsUnfinishedRunsElseTheLast() {
    server.on(
        LIST,
        body ->
            FakeServer.ok(body.get("only_active").truth() ? List.of() : List.of(Shapes.done())));

    assertThat(cli.run("ps")).isZero();

    assertThat(cli.output())
        .contains("NAME", "STATUS", "train", "exited (0)", "T4:15GB:1", "$0.0125", "2 weeks ago");
    assertThat(server.calls(LIST)).hasSize(2);
    Doc second = server.calls(LIST).get(1).body();
    assertThat(second.get("limit").integer(0)).isEqualTo(1);
    assertThat(second.get("project_name").text()).isEqualTo("main");
    assertThat(server.calls(LIST).get(0).headers().get("X-api-version")).containsExactly("0.22.5");
    assertThat(server.calls(LIST).get(0).headers().get("Authorization"))
        .containsExactly("Bearer t0ken");
  }

  @Test
  void asksForWhatTheOptionsSay() {
    server.answers(LIST, List.of());

    cli.run("ps", "-a");
    cli.run("ps", "-n", "7");

    assertThat(server.calls(LIST).get(0).body().get("only_active").truth()).isFalse();
    assertThat(server.calls(LIST).get(0).body().get("limit").integer(0)).isEqualTo(100);
    assertThat(server.calls(LIST).get(1).body().get("limit").integer(0)).isEqualTo(7);
    assertThat(cli.run("ps", "-n", "0")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.run("ps", "-w", "--json")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void printsJsonAsDstackDoes() {
    server.answers(LIST, List.of(Shapes.running()));

    assertThat(cli.run("ps", "--json")).isZero();

    Doc output = JsonText.read(cli.output().getBytes(StandardCharsets.UTF_8));
    assertThat(output.fields()).containsOnlyKeys("project", "runs");
    assertThat(output.get("project").text()).isEqualTo("main");
    assertThat(output.get("runs").first()).isEqualTo(Doc.of(Shapes.running()));
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 80, 120, 200})
  void fitsTheTerminal(int width) {
    server.answers(LIST, List.of(Shapes.running(), Shapes.run("failed", "failed", "exited (3)")));
    cli.env.put("NO_COLOR", "1");

    assertThat(cli.terminal(width).run("ps", "-v")).isZero();

    assertThat(cli.output().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(width));
    assertThat(cli.output())
        .contains("exited (3)", "running")
        .doesNotContain("…")
        .doesNotContain("\u001b");
  }

  @Test
  void showsARowForEachJobOfSeveral() {
    Map<String, Object> run = Shapes.running();
    Map<String, Object> job = Shapes.copy(Doc.of(run).get("jobs").first());
    Map<String, Object> spec = Shapes.copy(Doc.of(job).get("job_spec"));
    spec.put("job_num", 1);
    job.put("job_spec", spec);
    run.put("jobs", List.of(Doc.of(run).get("jobs").first().value(), job));
    server.answers(LIST, List.of(run));

    cli.run("ps");

    assertThat(cli.output()).contains("job=0", "job=1");
    assertThat(cli.output().lines()).hasSize(4);
  }

  @Test
  void coloursAreForTerminalsThatWantThem() {
    server.answers(LIST, List.of(Shapes.running()));

    cli.terminal(120).run("ps");
    assertThat(cli.output()).contains("\u001b[1;32mrunning");

    cli.out.reset();
    cli.env.put("NO_COLOR", "1");
    cli.run("ps");
    assertThat(cli.output()).doesNotContain("\u001b");
  }

  @Test
  void watchGoesOnUntilCtrlC() {
    server.answers(LIST, List.of(Shapes.running()));

    CliHarness.Running watch = cli.terminal(100).start("ps", "-w");
    cli.awaitOutput("running");
    cli.interrupt();

    assertThat(watch.await()).isZero();
  }
}
