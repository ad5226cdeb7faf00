package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Our CLI as shipped, as a process, the way a person or a script uses it. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class OwnCliTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String SMALL =
      """
      resources:
        cpu: 1..
        memory: 100MB..
        disk: 100MB..
      """;

  private Cli cli;
  private Runs runs;

  @BeforeEach
  void server(ServerProcess server) {
    cli = server.cli();
    runs = server.runs();
  }

  @Test
  void aTaskWithAFileRunsAttached() {
    cli.file("numbers.txt", "3\n4\n5\n");
    task(
        "cli-hello",
        """
        files:
        - numbers.txt
        commands:
        - awk '{ s += $1 } END { print "sum", s }' numbers.txt
        - echo finished
        """);
    Command.Result result =
        cli.run("apply", "-f", "cli-hello.dstack.yml", "-y").ok().says("sum 12", "finished");
    assertThat(result.out()).contains("cli-hello");
    assertThat(runs.status("cli-hello")).isEqualTo("done");
  }

  @Test
  void aDirectoryIsShippedToo() {
    cli.file("data/a.txt", "alpha");
    cli.file("data/deep/b.txt", "beta");
    task(
        "cli-directory",
        """
        files:
        - data:input
        commands:
        - cat input/a.txt input/deep/b.txt; echo
        """);
    cli.run("apply", "-f", "cli-directory.dstack.yml", "-y").ok().says("alphabeta");
  }

  @Test
  void aFailedTaskFailsTheCommand() {
    task("cli-fails", "commands:\n- echo oops; exit 3\n");
    Command.Result result = cli.run("apply", "-f", "cli-fails.dstack.yml", "-y").fails();
    assertThat(result.out() + result.err()).contains("oops").contains("3");
  }

  @Test
  void theLogOfALongTaskIsFollowedWithoutLossOrDoubling() {
    task("cli-follow", "commands:\n- for i in $(seq 1 60); do echo line-$i; sleep 0.05; done\n");
    Command.Result result = cli.run("apply", "-f", "cli-follow.dstack.yml", "-y").ok();
    List<String> seen =
        result.out().lines().map(String::strip).filter(line -> line.matches("line-\\d+")).toList();
    assertThat(seen).isEqualTo(IntStream.rangeClosed(1, 60).mapToObj(i -> "line-" + i).toList());
  }

  @Test
  void detachedThenSeenThenStopped() {
    task("cli-long", "commands:\n- echo begun; exec sleep 600\n");
    cli.run("apply", "-f", "cli-long.dstack.yml", "-y", "-d").ok().says("cli-long");
    runs.awaitStatus("cli-long", LIMIT, "running");
    cli.run("ps").ok().says("NAME", "STATUS", "cli-long", "running");
    cli.run("ps", "-v").ok().says("cli-long");
    JsonNode ps = Api.JSON.readTree(cli.run("ps", "-a", "--json").ok().out());
    assertThat(ps.toString()).contains("cli-long");
    dev.dstack.e2e.harness.Await.until(
        "the log has the line", LIMIT, () -> runs.lines("cli-long").contains("begun"));
    JsonNode run = Api.JSON.readTree(cli.run("run", "get", "cli-long", "--json").ok().out());
    assertThat(run.path("status").asString()).isEqualTo("running");
    cli.run("stop", "cli-long", "-y").ok();
    assertThat(runs.awaitEnd("cli-long", LIMIT).path("termination_reason").asString())
        .isEqualTo("stopped_by_user");
    cli.run("logs", "cli-long").ok().says("begun");
    cli.run("delete", "-f", "cli-long.dstack.yml", "-y").ok();
    cli.run("logs", "cli-long").fails();
  }

  @Test
  void abort() {
    task("cli-abort", "commands:\n- exec sleep 600\n");
    cli.run("apply", "-f", "cli-abort.dstack.yml", "-y", "-d").ok();
    runs.awaitStatus("cli-abort", LIMIT, "running");
    cli.run("stop", "-x", "cli-abort", "-y").ok();
    assertThat(runs.awaitEnd("cli-abort", LIMIT).path("termination_reason").asString())
        .isEqualTo("aborted_by_user");
  }

  @Test
  void valuesComeFromTheCallersEnvironment() {
    task(
        "cli-env", "env:\n- FROM_SHELL\n- FIXED=one\ncommands:\n- echo $FROM_SHELL $FIXED $MORE\n");
    cli.command("apply", "-f", "cli-env.dstack.yml", "-y", "-e", "MORE=three")
        .env("FROM_SHELL", "two")
        .run()
        .ok()
        .says("two one three");
    cli.run("apply", "-f", "cli-env.dstack.yml", "-y").fails().says("FROM_SHELL");
  }

  @Test
  void anotherNameAndALimitFromTheCommandLine() {
    task("cli-named", "commands:\n- echo $DSTACK_RUN_NAME\n");
    cli.run("apply", "-f", "cli-named.dstack.yml", "-y", "-n", "cli-other").ok().says("cli-other");
    assertThat(runs.status("cli-other")).isEqualTo("done");
  }

  @Test
  void offers() {
    cli.run("offer", "--cpu", "1..", "--memory", "0.1GB..", "--disk", "0.1GB..")
        .ok()
        .says("ssh (local)");
    String json =
        cli.run("offer", "--cpu", "1..", "--memory", "0.1GB..", "--disk", "0.1GB..", "--json")
            .ok()
            .out();
    assertThat(Api.JSON.readTree(json).toString()).contains("remote");
  }

  @Test
  void fleets() {
    cli.run("fleet").ok().says("local");
    cli.run("fleet", "list", "-v").ok().says("local");
  }

  @Test
  void secrets() {
    cli.run("secret", "set", "cli-secret", "classified").ok();
    Command.Result list = cli.run("secret", "list").ok().says("cli-secret");
    assertThat(list.out()).doesNotContain("classified");
    cli.run("secret", "get", "cli-secret").ok().says("classified");
    cli.run("secret", "delete", "cli-secret", "-y").ok();
    cli.run("secret", "get", "cli-secret").fails();
  }

  @Test
  void events() {
    task("cli-events", "commands:\n- echo x\n");
    cli.run("apply", "-f", "cli-events.dstack.yml", "-y").ok();
    cli.run("event", "--within-run", "cli-events").ok().says("cli-events");
    cli.run("event").ok();
  }

  @Test
  void projects() {
    cli.run("project", "list").ok().says("main");
  }

  @Test
  void versionHelpAndCompletion() {
    cli.run("--version").ok().says("0.");
    cli.run("--help").ok().says("apply", "ps", "logs", "stop");
    assertThat(cli.run("completion", "bash").ok().out()).contains("dstack");
  }

  @Test
  void aBadFileIsRefusedWithItsPlace() {
    cli.file(
        "cli-bad.dstack.yml",
        """
        type: task
        name: cli-bad
        comands:
        - echo
        """);
    cli.run("apply", "-f", "cli-bad.dstack.yml", "-y").fails().says("comands");
    cli.run("apply", "-f", "nowhere.dstack.yml", "-y").fails().says("nowhere.dstack.yml");
    cli.file("cli-broken.dstack.yml", "type: task\n  name: [\n");
    cli.run("apply", "-f", "cli-broken.dstack.yml", "-y").fails().says("cli-broken.dstack.yml");
  }

  @Test
  void aFileToShipThatIsNotThereIsNamed() {
    task("cli-missing", "files:\n- nothing-here.txt\ncommands:\n- echo\n");
    cli.run("apply", "-f", "cli-missing.dstack.yml", "-y").fails().says("nothing-here.txt");
  }

  @Test
  void nothingFitsIsAnOutcomeNotACrash() {
    cli.file(
        "cli-huge.dstack.yml",
        "type: task\nname: cli-huge\ncommands:\n- echo\nresources:\n  cpu: 5000..\n");
    cli.run("apply", "-f", "cli-huge.dstack.yml", "-y").fails().says("offer");
  }

  @Test
  void unknownNamesAndOptions() {
    cli.run("logs", "no-such-run").fails().says("no-such-run");
    cli.run("stop", "no-such-run", "-y").fails().says("no-such-run");
    cli.run("ps", "--bogus").fails().says("--bogus");
    cli.run("ps", "--project", "nowhere").fails().says("nowhere");
  }

  @Test
  void aServerThatIsNotThereIsNamed() {
    int port = ServerProcess.freePort();
    cli.command("ps")
        .env("DSTACK_SERVER_URL", "http://127.0.0.1:" + port)
        .env("DSTACK_PROJECT", "main")
        .env("DSTACK_TOKEN", "x")
        .run()
        .fails()
        .says("127.0.0.1:" + port);
  }

  @Test
  void aWrongTokenIsSaidPlainly(ServerProcess server) {
    Command.Result result =
        cli.command("ps")
            .env("DSTACK_SERVER_URL", server.base().toString())
            .env("DSTACK_PROJECT", "main")
            .env("DSTACK_TOKEN", "wrong")
            .run()
            .fails()
            .says("token");
    assertThat(result.err() + result.out()).doesNotContain("Exception");
  }

  private void task(String name, String rest) {
    cli.file(name + ".dstack.yml", "type: task\nname: " + name + "\n" + rest + SMALL);
  }
}
