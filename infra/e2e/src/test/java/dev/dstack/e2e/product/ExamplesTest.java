package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.e2e.harness.Attached;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Examples;
import dev.dstack.e2e.harness.Examples.Block;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The run files of examples/ and of the documentation, applied as they are written with our CLI,
 * from the directory that their words suppose. A file that no list here has fails the test.
 */
@Tag("system")
@ExtendWith(SharedServer.class)
final class ExamplesTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);

  /** Files of examples/ that tests of this class apply. */
  private static final Set<String> HERE =
      Set.of("container.dstack.yml", "dev.dstack.yml", "hello.dstack.yml", "web.dstack.yml");

  /** Files that need more than one machine's server, and the test that applies each by its name. */
  private static final Map<String, Class<?>> ELSEWHERE =
      Map.of(
          "fleet.dstack.yml", FleetsTest.class,
          "groups.dstack.yml", MultiNodeTest.class,
          "nodes.dstack.yml", MultiNodeTest.class,
          "ssh-fleet.dstack.yml", SshFleetTest.class,
          "volume.dstack.yml", VolumesTest.class,
          "with-volume.dstack.yml", VolumesTest.class);

  /** Pages whose blocks of YAML are examples or say why not. */
  private static final List<String> PAGES =
      List.of(
          "tasks.md",
          "multi-node.md",
          "dev-environments.md",
          "attach.md",
          "metrics.md",
          "logs.md",
          "fleets.md",
          "volumes.md");

  /** Complete run files that stand in a page only, by the names of their runs. */
  private static final Set<String> ON_PAGES = Set.of("busy", "epochs");

  private ServerProcess server;
  private Cli cli;
  private Runs runs;

  @BeforeEach
  void server(ServerProcess shared) {
    server = shared;
    cli = shared.cli();
    runs = shared.runs();
  }

  @Test
  void everyExampleIsApplied() throws IOException {
    Set<String> known = new TreeSet<>(HERE);
    known.addAll(ELSEWHERE.keySet());
    assertThat(Examples.files())
        .as("files of examples/, and the lists of this test")
        .isEqualTo(known);
    for (Map.Entry<String, Class<?>> other : ELSEWHERE.entrySet()) {
      assertThat(Examples.source(other.getValue()))
          .as(other.getValue() + " is said to apply examples/" + other.getKey())
          .contains(other.getKey());
    }
  }

  @Test
  void everyBlockOfThePagesIsAnExampleOrSaysWhyNot() throws IOException {
    Set<String> onPages = new TreeSet<>();
    List<String> wrong = new ArrayList<>();
    for (String page : PAGES) {
      for (Block block : Examples.blocks(page)) {
        if (block.reason() != null) {
          System.out.println(block.place() + " is not applied: " + block.reason());
        } else if (!block.complete()) {
          wrong.add(block.place() + " has neither <!-- example --> nor <!-- no example: why -->");
        } else if (block.file() == null) {
          onPages.add(block.name());
        } else if (!block.isAsIn(block.file())) {
          wrong.add(block.place() + " is not what examples/" + block.file() + " says");
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(onPages)
        .as("run files that stand in a page only")
        .isEqualTo(new TreeSet<>(ON_PAGES));
  }

  @Test
  void hello() {
    example("hello").run().ok().says("Density, gravity and speed", "Earth", "Third law of Kepler");
    assertThat(runs.status("hello")).isEqualTo("done");
  }

  @Test
  void dev() {
    assumeTrue(Files.exists(Path.of("/usr/bin/ssh")), "openssh-client is not installed");
    example("dev", "-d").run().ok();
    runs.awaitStatus("dev", LIMIT, "running");
    try (Attached attach = Attached.start(cli.command("attach", "dev"))) {
      attach.awaitText("ssh dev");
      assertThat(Attached.ssh(server.home(), "dev", "echo inside $DSTACK_RUN_NAME").ok().out())
          .isEqualTo("inside dev\n");
      assertThat(cli.run("ps", "-v").ok().out()).contains("dev");
      stop("dev");
    }
    assertThat(runs.lines("dev")).contains("dev is ready");
  }

  @Test
  void web() throws IOException {
    assumeTrue(Files.exists(Path.of("/usr/bin/ssh")), "openssh-client is not installed");
    example("web", "-d").run().ok();
    runs.awaitStatus("web", LIMIT, "running");
    // Not the port of the file: that one may be in use on the machine of the tests.
    int local = ServerProcess.freePort();
    String planets = Files.readString(Repository.root().resolve("examples/data/planets.csv"));
    try (Attached attach = Attached.start(cli.command("attach", "web", "-p", local + ":8000"))) {
      Await.until(
          "the forwarded port answers",
          LIMIT,
          () -> Attached.get(local, "/planets.csv").equals(planets),
          () -> attach.text() + "\n" + runs.summary("web") + "\n" + runs.output("web"));
      attach.awaitText("localhost:" + local);
      stop("web");
    }
  }

  @Test
  void epochs() throws IOException {
    applyOfPage("logs.md", "epochs").run().ok().says("epoch 1", "epoch 2", "epoch 3");
    assertThat(cli.run("logs", "epochs").ok().out().lines())
        .containsExactly("epoch 1", "epoch 2", "epoch 3");
    cli.run("logs", "epochs", "--since", "5m").ok().says("epoch 3");
  }

  @Test
  void busy() throws IOException {
    applyOfPage("metrics.md", "busy", "-d").run().ok();
    runs.awaitStatus("busy", LIMIT, "running");
    Await.until(
        "there are metrics",
        LIMIT,
        () ->
            !server
                .api()
                .get("/api/project/main/metrics/job/busy?limit=100")
                .ok()
                .path("metrics")
                .path(0)
                .path("values")
                .isEmpty());
    cli.run("metrics", "busy").ok().says("cpu", "%");
    stop("busy");
  }

  @Test
  @Tag("docker")
  @EnabledIfEnvironmentVariable(
      named = Docker.WANTED,
      matches = "1",
      disabledReason = "there is no Docker Engine for the tests (DSTACK_TEST_DOCKER=1)")
  void container() {
    assumeTrue(Files.exists(Path.of("/bin/busybox")), "busybox-static is not installed");
    String image = "debian:bookworm-slim";
    boolean made = Docker.run("image", "inspect", image).exit() != 0;
    if (made) {
      // Local images are used as they are, so that no registry is asked.
      Docker.run("tag", Docker.busybox(server.home(), "box-debian"), image).ok();
    }
    try {
      example("container")
          .with("--", "from the command line")
          .run()
          .ok()
          .says("hello from", "from the command line");
      assertThat(runs.status("container")).isEqualTo("done");
      assertThat(cli.run("logs", "-d", "container").ok().out()).isNotBlank();
    } finally {
      if (made) {
        Docker.run("image", "rm", image);
      }
    }
  }

  /** {@code ./dstack apply -f examples/NAME.dstack.yml -y}, from the root of the checkout. */
  private Command example(String name, String... more) {
    assertThat(HERE).contains(name + ".dstack.yml");
    return cli.command("apply", "-f", "examples/" + name + ".dstack.yml", "-y")
        .with(more)
        .in(Repository.root())
        .limit(LIMIT);
  }

  private Command applyOfPage(String page, String name, String... more) throws IOException {
    assertThat(ON_PAGES).contains(name);
    Block block =
        Examples.blocks(page).stream()
            .filter(candidate -> candidate.complete() && candidate.name().equals(name))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no run file " + name + " in docs/" + page));
    cli.file(name + ".dstack.yml", block.text());
    return cli.command("apply", "-f", name + ".dstack.yml", "-y").with(more).limit(LIMIT);
  }

  private void stop(String name) {
    cli.run("stop", name, "-y").ok();
    assertThat(runs.awaitEnd(name, LIMIT).path("termination_reason").asString())
        .isEqualTo("stopped_by_user");
  }
}
