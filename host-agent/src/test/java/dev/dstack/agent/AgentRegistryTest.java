package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Images that come from a real registry, which wants a password. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine of the tests' own (infra/scripts/docker.sh)")
@Timeout(240)
class AgentRegistryTest {
  private static final Docker DOCKER = Docker.ofTests();
  private static final Path PROGRAM = Path.of("/usr/bin/docker-registry");

  /** Of the password "secret". */
  private static final String HASH = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

  @TempDir static Path directory;
  private static Process registry;
  private static AgentProcess agent;
  private static String host;

  @BeforeAll
  static void start() throws IOException {
    Assumptions.assumeTrue(Files.isExecutable(PROGRAM), "there is no docker-registry");
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      port = socket.getLocalPort();
    }
    host = "127.0.0.1:" + port;
    Files.writeString(directory.resolve("htpasswd"), "ada:" + HASH + "\n");
    Files.writeString(
        directory.resolve("config.yml"),
        """
        version: 0.1
        log: {level: error}
        storage: {filesystem: {rootdirectory: %s}}
        http: {addr: %s}
        auth: {htpasswd: {realm: test, path: %s}}
        """
            .formatted(directory.resolve("store"), host, directory.resolve("htpasswd")));
    registry =
        new ProcessBuilder(PROGRAM.toString(), "serve", directory.resolve("config.yml").toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("registry.log").toFile())
            .start();
    AgentProcess.until(
        "the registry answers",
        () -> {
          try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port)) {
            return socket.isConnected();
          } catch (IOException e) {
            return false;
          }
        });
    DOCKER.busybox();
    Path config = Files.createDirectories(directory.resolve("docker-config"));
    DOCKER.run("--config", config.toString(), "login", "-u", "ada", "-p", "secret", host);
    DOCKER.run("tag", Docker.BUSYBOX, host + "/team/box:1");
    DOCKER.run("--config", config.toString(), "push", host + "/team/box:1");
    bigImage();
    DOCKER.run("--config", config.toString(), "push", host + "/team/big:1");
    agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
  }

  /** What takes a while to come: three layers that can't be packed. */
  private static void bigImage() {
    String name = "dstack-big";
    DOCKER.run(
        "run",
        "--name",
        name,
        Docker.BUSYBOX,
        "sh",
        "-c",
        "head -c 80000000 /dev/urandom > /tmp/one");
    DOCKER.run("commit", name, host + "/team/big:1");
    DOCKER.run("rm", name);
  }

  @AfterAll
  static void stop() throws InterruptedException {
    if (agent != null) {
      agent.close();
    }
    if (registry != null) {
      registry.destroy();
      registry.waitFor();
    }
    if (agent != null) {
      for (String image : List.of("/team/box:1", "/team/big:1")) {
        DOCKER.run("image", "rm", "--force", host + image);
      }
    }
  }

  private static TaskExit refusal(Containers what) {
    TaskRequest request = what.request();
    agent.submit(request);
    TaskExit exit = agent.exited(request.id()).exit();
    assertThat(exit.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    return exit;
  }

  private static void forget(String image) {
    DOCKER.run("image", "rm", "--force", host + image);
  }

  @Test
  void anImageIsPulledWithAPasswordAndItsProgressIsSeen() {
    forget("/team/big:1");
    TaskRequest request =
        Containers.shell("ls -l /tmp/one")
            .image(host + "/team/big:1")
            .registry("ada", "secret")
            .request();
    agent.submit(request);
    List<PullProgress> seen = new ArrayList<>();
    TaskInfo info =
        agent.until(
            request.id(),
            now -> {
              if (now.status() == TaskStatus.PULLING && now.pull() != null) {
                seen.add(now.pull());
              }
              return now.status() == TaskStatus.EXITED;
            });

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.DONE_BY_RUNNER);
    assertThat(seen).isNotEmpty();
    assertThat(seen)
        .allMatch(
            progress ->
                progress.downloaded() <= progress.total()
                    && progress.extracted() <= progress.downloaded());
    assertThat(agent.text(request.id())).contains("80000000");
  }

  @Test
  void anImageCanBePinnedByItsDigest() {
    String digest =
        DOCKER
            .run("image", "inspect", "--format", "{{index .RepoDigests 0}}", host + "/team/box:1")
            .replaceAll(".*@", "");
    forget("/team/box:1");
    TaskRequest request =
        Containers.shell("echo pinned")
            .image(host + "/team/box@" + digest)
            .registry("ada", "secret")
            .request();
    agent.submit(request);
    agent.exited(request.id());
    assertThat(agent.text(request.id())).isEqualTo("pinned\n");

    String other = digest.substring(0, digest.length() - 6) + "000000";
    assertThat(
            refusal(
                    Containers.shell("id")
                        .image(host + "/team/box@" + other)
                        .registry("ada", "secret"))
                .message())
        .contains("there is no")
        .contains(host);
    DOCKER.run("tag", Docker.BUSYBOX, host + "/team/box:1");
  }

  @Test
  void whatTheRegistryRefusesIsSaidInWords() {
    forget("/team/box:1");
    String image = host + "/team/box:1";
    TaskExit anonymous = refusal(Containers.shell("id").image(image));
    TaskExit wrong = refusal(Containers.shell("id").image(image).registry("ada", "guess"));
    TaskExit missing =
        refusal(Containers.shell("id").image(host + "/team/box:2").registry("ada", "secret"));
    DOCKER.run("tag", Docker.BUSYBOX, image);

    assertThat(anonymous.message()).contains("denied access").contains("registry_auth");
    assertThat(wrong.message()).contains("denied access");
    assertThat(missing.message()).contains("there is no " + host + "/team/box:2");
  }

  @Test
  void aPullCanBeStopped() {
    forget("/team/big:1");
    TaskRequest request =
        Containers.shell("id").image(host + "/team/big:1").registry("ada", "secret").request();
    agent.submit(request);
    agent.until(
        request.id(),
        now -> now.status() == TaskStatus.PULLING || now.status() == TaskStatus.EXITED);
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.ABORTED_BY_USER);
    assertThat(info.startedAt()).isNull();
  }

  @Test
  void anAgentThatDiesWhilePullingPullsAgain() {
    forget("/team/big:1");
    TaskRequest request =
        Containers.shell("echo once")
            .image(host + "/team/big:1")
            .registry("ada", "secret")
            .request();
    AgentProcess dying =
        AgentProcess.start(
            directory.resolve("dying"), DOCKER.options(), "-Ddstack.agent.crash=pulling");
    try {
      dying.submit(request);
      dying.crashAndRestart();
      TaskInfo info = dying.exited(request.id());

      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.DONE_BY_RUNNER);
      assertThat(dying.text(request.id())).isEqualTo("once\n");
    } finally {
      dying.close();
    }
  }

  @Test
  void anotherRegistryCanStandInForDockerHub() {
    List<String> options = new ArrayList<>(DOCKER.options());
    options.addAll(List.of("--registry-mirror", host));
    AgentProcess mirrored = AgentProcess.start(directory.resolve("mirrored"), options);
    try {
      forget("/team/box:1");
      TaskRequest request =
          Containers.shell("echo mirrored").image("team/box:1").registry("ada", "secret").request();
      mirrored.submit(request);
      mirrored.exited(request.id());

      assertThat(mirrored.text(request.id())).isEqualTo("mirrored\n");
    } finally {
      mirrored.close();
    }
  }

  @Test
  void aLayerForWhichThereIsNoRoomIsSaidAsSuch() throws Exception {
    Path small = Files.createDirectories(directory.resolve("small"));
    Process mount =
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", small.toString())
            .start();
    Assumptions.assumeTrue(mount.waitFor() == 0, "a small disk can't be made here");
    try (OwnEngine engine = new OwnEngine(small.resolve("engine"))) {
      engine.start();
      Docker docker = new Docker(engine.host());
      AgentProcess cramped = AgentProcess.start(directory.resolve("cramped"), docker.options());
      try {
        TaskRequest request =
            Containers.shell("id").image(host + "/team/big:1").registry("ada", "secret").request();
        cramped.submit(request);
        TaskExit exit = cramped.exited(request.id()).exit();

        assertThat(exit.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
        assertThat(exit.message()).contains("no room for a layer");
      } finally {
        cramped.close();
      }
    } finally {
      new ProcessBuilder("umount", "--lazy", small.toString()).start().waitFor();
    }
  }
}
