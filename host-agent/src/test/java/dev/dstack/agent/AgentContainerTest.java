package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest.Mount;
import dev.dstack.model.agent.ContainerRequest.PortMap;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Tasks in containers of a real engine. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine of the tests' own (infra/scripts/docker.sh)")
@Timeout(180)
class AgentContainerTest {
  private static final Docker DOCKER = Docker.ofTests();

  @TempDir static Path directory;
  private static AgentProcess agent;

  @BeforeAll
  static void start() {
    DOCKER.busybox();
    agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
  }

  @AfterAll
  static void stop() {
    if (agent != null) {
      agent.close();
    }
  }

  @Test
  void aCommandRunsAndSaysHowItEnded() {
    TaskRequest request =
        Containers.shell("echo hello $WHO; echo to stderr >&2; pwd; id -u; exit 7")
            .env(Map.of("WHO", "world"))
            .request();
    agent.submit(request);
    TaskInfo info = agent.exited(request.id());

    assertThat(agent.text(request.id())).isEqualTo("hello world\nto stderr\n/\n0\n");
    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    assertThat(info.exit().exitStatus()).isEqualTo(7);
    assertThat(info.username()).isEqualTo("root");
    assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
  }

  private TaskExit refusal(Containers what) {
    TaskRequest request = what.request();
    agent.submit(request);
    TaskInfo info = agent.exited(request.id());
    assertThat(info.startedAt()).isNull();
    assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
    return info.exit();
  }

  private TaskInfo ended(TaskRequest request) {
    agent.submit(request);
    return agent.exited(request.id());
  }

  // --- images ------------------------------------------------------------------------------------

  @Test
  void withoutACommandTheImagesOwnRuns() {
    DOCKER.image(
        "dstack-test/own:1",
        "--change",
        "ENTRYPOINT [\"/bin/echo\", \"entry\"]",
        "--change",
        "CMD [\"point\"]",
        "--change",
        "WORKDIR /somewhere");
    TaskRequest own = Containers.of().image("dstack-test/own:1").request();
    TaskRequest other =
        Containers.of()
            .image("dstack-test/own:1")
            .entrypoint(List.of("/bin/sh", "-c", "pwd"))
            .request();
    ended(own);
    ended(other);

    assertThat(agent.text(own.id())).isEqualTo("entry point\n");
    assertThat(agent.text(other.id())).isEqualTo("/somewhere\n");
  }

  @Test
  void anEntrypointThatExitsAtOnceIsJustACommandThatEnded() {
    TaskRequest request = Containers.of().entrypoint(List.of("/bin/false")).request();

    TaskInfo info = ended(request);
    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    assertThat(info.exit().exitStatus()).isEqualTo(1);
  }

  @Test
  void whatIsNotInTheImageIsSaidInWords() {
    TaskExit program = ended(Containers.of("no-such-program").request()).exit();
    TaskExit user = refusal(Containers.shell("id").user("nobody-here"));
    TaskExit group = refusal(Containers.shell("id").user("jane:nobodies"));

    assertThat(program.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(program.message()).contains("no-such-program");
    assertThat(user.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(user.message()).contains("user: there is no user 'nobody-here' in the image");
    assertThat(group.message()).contains("there is no group 'nobodies'");
  }

  @Test
  void anImageForAnotherProcessorIsRefused() {
    DOCKER.imageFor("arm64", "dstack-test/arm:1");

    TaskExit exit = refusal(Containers.shell("id").image("dstack-test/arm:1"));
    assertThat(exit.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(exit.message()).contains("linux/arm64").contains("linux/amd64");
  }

  @Test
  void aRegistryThatIsNotThereIsSaidInWords() {
    TaskExit exit = refusal(Containers.shell("id").image("127.0.0.1:1/missing:1"));

    assertThat(exit.reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(exit.message()).contains("can't reach 127.0.0.1:1");
  }

  @Test
  void aLocalImageIsUsedAsItIsEvenIfItIsTheLatest() {
    DOCKER.image("dstack-test/local:latest");
    TaskRequest request = Containers.shell("echo here").image("dstack-test/local").request();
    ended(request);

    assertThat(agent.text(request.id())).isEqualTo("here\n");
  }

  @Test
  void anImageCanBePinnedByWhatItIs() {
    String id = DOCKER.run("image", "inspect", "--format", "{{.Id}}", Docker.BUSYBOX);
    TaskRequest request = Containers.shell("echo pinned").image(id).request();
    ended(request);

    assertThat(agent.text(request.id())).isEqualTo("pinned\n");
  }

  // --- who it runs as and what it sees -----------------------------------------------------------

  @Test
  void usersOfTheImageAndOthers() {
    TaskRequest jane = Containers.shell("id -u; echo $HOME; pwd").user("jane").request();
    TaskRequest number = Containers.shell("id -u; id -g").user("4321:99").request();
    TaskInfo info = ended(jane);
    ended(number);

    assertThat(info.exit().exitStatus()).isZero();
    assertThat(info.username()).isEqualTo("jane");
    assertThat(agent.text(jane.id())).isEqualTo("1234\n/home/jane\n/\n");
    assertThat(agent.text(number.id())).isEqualTo("4321\n99\n");
  }

  @Test
  void neitherTheEngineNorTheDiskKeepSecrets() throws IOException {
    TaskRequest request =
        Containers.shell("sleep 600")
            .env(Map.of("PASSWORD", "hunter-two"))
            .registry("somebody", "reg-secret")
            .request();
    agent.submit(request);
    agent.running(request.id());

    assertThat(DOCKER.run("inspect", "dstack-" + request.id())).doesNotContain("hunter-two");
    try (var files = Files.walk(agent.directory(request.id()))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
            .as(file.toString())
            .doesNotContain("hunter-two")
            .doesNotContain("reg-secret");
      }
    }
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    assertThat(agent.exited(request.id()).exit().reason())
        .isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
  }

  @Test
  void limitsAreWhatWasAskedFor() {
    TaskRequest request =
        Containers.shell("grep shm /proc/mounts; df -k /dev/shm | tail -1; sleep 600")
            .cpus(0.5)
            .memory(256L << 20)
            .shm(32L << 20)
            .request();
    agent.submit(request);
    agent.until(request.id(), info -> agent.text(request.id()).contains("32768"));
    String limits =
        DOCKER.run(
            "inspect",
            "--format",
            "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}"
                + " {{.HostConfig.Privileged}} {{.HostConfig.CapDrop}}",
            "dstack-" + request.id());

    assertThat(limits).isEqualTo("500000000 268435456 268435456 false [MKNOD NET_RAW]");
    TaskMetrics metrics = agent.metrics(request.id());
    assertThat(metrics.cpus()).isEqualTo(0.5);
    assertThat(metrics.memoryLimitBytes()).isEqualTo(256L << 20);
    assertThat(metrics.memoryBytes()).isBetween(1L << 20, 256L << 20);
    assertThat(metrics.workingSetBytes()).isLessThanOrEqualTo(metrics.memoryBytes());
    assertThat(metrics.cpuMicros()).isPositive();
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(request.id());
  }

  @Test
  void directoriesOfTheHostAreMounted() throws IOException {
    Path here = Files.createDirectories(directory.resolve("mount-here"));
    Files.writeString(here.resolve("file"), "of the host\n");
    Path made = directory.resolve("mount-made");
    TaskRequest request =
        Containers.shell("cat /in/file; echo x > /in/file; echo new > /made/file; ls /gone")
            .mounts(
                new Mount(here.toString(), "/in", true, false),
                new Mount(made.toString(), "/made", false, false),
                new Mount(directory.resolve("absent").toString(), "/gone", false, true))
            .request();
    ended(request);

    assertThat(agent.text(request.id()))
        .startsWith("of the host\n")
        .contains("Read-only file system")
        .contains("/gone: No such file");
    assertThat(made.resolve("file")).hasContent("new");
    assertThat(directory.resolve("absent")).doesNotExist();
  }

  @Test
  void whatOneTaskWritesIntoAVolumeTheNextOneReads() throws IOException {
    Path data = Files.createDirectories(directory.resolve("volume-data"));
    VolumeRequest volume =
        new VolumeRequest("data", "volume-1", "provider-1", null, data.toString(), false, "/data");
    ended(Containers.shell("echo kept > /data/file").volumes(volume).request());
    TaskRequest reader = Containers.shell("cat /data/file").volumes(volume).request();
    ended(reader);

    assertThat(agent.text(reader.id())).isEqualTo("kept\n");
    assertThat(data.resolve("file")).hasContent("kept");
    VolumeRequest gone =
        new VolumeRequest(
            "gone", "volume-2", "provider-2", null, "/no/such/directory", false, "/data");
    TaskInfo info = ended(Containers.shell("true").volumes(gone).request());
    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.VOLUME_ERROR);
  }

  @Test
  void filesAreUnpackedInTheContainer() throws Exception {
    Path source = Files.createDirectories(directory.resolve("archive"));
    Files.writeString(source.resolve("data.txt"), "shipped\n");
    Process tar = new ProcessBuilder("tar", "-C", source.toString(), "-c", "data.txt").start();
    byte[] archive = tar.getInputStream().readAllBytes();
    String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(archive));
    assertThat(agent.call("PUT", "/v1/archives/" + hash, archive).statusCode()).isEqualTo(204);
    TaskRequest request =
        Containers.shell("pwd; cat data.txt")
            .user("jane")
            .workingDir("/tmp/work")
            .files(new TaskRequest.FileMount(hash, "data.txt"))
            .request();
    DOCKER.busybox();
    TaskInfo info = ended(request);

    assertThat(info.exit().message()).contains("data.txt").contains("/tmp/work");
    TaskRequest asRoot =
        Containers.shell("pwd; cat data.txt")
            .workingDir("/tmp/work")
            .files(new TaskRequest.FileMount(hash, "data.txt"))
            .request();
    ended(asRoot);
    assertThat(agent.text(asRoot.id())).isEqualTo("/tmp/work\nshipped\n");
  }

  // --- ports -------------------------------------------------------------------------------------

  private static String firstLine(int port) throws IOException {
    try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port)) {
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void portsOfABridgeAreReachedOnLoopback() throws IOException {
    int fixed = freePort();
    TaskRequest request =
        Containers.shell("nc -l -p 8000 -e echo any & nc -l -p 8001 -e echo fixed & wait; sleep 60")
            .ports(new PortMap(8000, 0), new PortMap(8001, fixed))
            .access(access())
            .request();
    agent.submit(request);
    TaskInfo info = agent.until(request.id(), now -> now.ports().size() == 3);

    assertThat(info.ports()).containsEntry(8001, fixed).containsKey(AccessRequest.SSH_PORT);
    AgentProcess.until(
        "both answer",
        () ->
            firstLine(info.ports().get(8000)).equals("any\n")
                && firstLine(fixed).equals("fixed\n"));
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(request.id());
  }

  @Test
  void aTakenPortIsSaidInWords() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      TaskExit exit = refusal(Containers.shell("id").ports(new PortMap(80, taken.getLocalPort())));

      assertThat(exit.reason()).isEqualTo(JobTerminationReason.PORTS_BINDING_FAILED);
      assertThat(exit.message()).contains(Integer.toString(taken.getLocalPort()));
    }
  }

  @Test
  void theHostsNetworkIsTheHostsNetwork() throws IOException {
    int port = freePort();
    TaskRequest request =
        Containers.shell("nc -l -p " + port + " -e echo host; sleep 60")
            .hostNetwork()
            .ports(new PortMap(port, 0))
            .access(access())
            .request();
    agent.submit(request);
    TaskInfo info = agent.until(request.id(), now -> now.ports().size() == 2);

    assertThat(info.ports()).containsEntry(port, port);
    assertThat(info.ports().get(AccessRequest.SSH_PORT)).isNotEqualTo(AccessRequest.SSH_PORT);
    agent.running(request.id());
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(request.id());
  }

  private static AccessRequest access() {
    return new AccessRequest(
        List.of(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsuW8gKaq0GPC4hzL2Eczq9yXfRtFBvI0Tq7y2f8Z7k t"),
        null,
        null);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      return socket.getLocalPort();
    }
  }

  // --- ends --------------------------------------------------------------------------------------

  @Test
  void runningOutOfMemoryIsSaidAsSuch() {
    TaskRequest request =
        Containers.shell("echo begin; tail /dev/zero; echo status $?; exit 3")
            .memory(128L << 20)
            .request();
    TaskRequest direct = Containers.of("tail", "/dev/zero").memory(128L << 20).request();
    TaskInfo info = ended(request);
    TaskInfo bySignal = ended(direct);

    for (TaskInfo one : List.of(info, bySignal)) {
      assertThat(one.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
      assertThat(one.exit().message()).contains("out of memory").contains("128 MB");
    }
    assertThat(bySignal.exit().exitStatus()).isEqualTo(137);
  }

  @Test
  void whatIgnoresTermIsKilledAfterTheGraceAndNothingIsLeft() {
    TaskRequest request =
        Containers.shell("trap '' TERM; echo ready; while :; do sleep 0.1; done").request();
    agent.submit(request);
    agent.until(request.id(), info -> info.logEnd() > 0);
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 1);
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
    assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
  }

  @Test
  void whatCleansUpOnTermIsGivenTheTime() {
    TaskRequest request =
        Containers.shell("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
            .request();
    agent.submit(request);
    agent.until(request.id(), info -> info.logEnd() > 0);
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 30);
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().exitStatus()).isEqualTo(9);
    assertThat(agent.text(request.id())).contains("bye");
  }

  @Test
  void aStopBeforeTheStartIsAStop() {
    TaskRequest request = Containers.shell("sleep 600").request();
    agent.submit(request);
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.ABORTED_BY_USER);
    assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
  }

  @Test
  void aContainerThatSomebodyRemovesIsMissed() {
    TaskRequest request = Containers.shell("echo ready; sleep 600").request();
    agent.submit(request);
    agent.until(request.id(), info -> info.logEnd() > 0);
    DOCKER.run("rm", "--force", "dstack-" + request.id());
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.EXECUTOR_ERROR);
    assertThat(info.exit().message()).contains("container");
  }

  @Test
  void fastBinaryOutputAndALineOfFiftyMegabytesArriveWhole() throws Exception {
    TaskRequest request =
        Containers.shell(
                "head -c 104857600 /dev/urandom > /tmp/data; md5sum < /tmp/data >&2; cat /tmp/data;"
                    + " head -c 52428800 /dev/zero | tr '\\0' x")
            .request();
    ended(request);
    byte[] output = agent.output(request.id());

    int sum = 36;
    assertThat(output).hasSize(sum + 104_857_600 + 52_428_800);
    MessageDigest digest = MessageDigest.getInstance("MD5");
    digest.update(output, sum, 104_857_600);
    assertThat(HexFormat.of().formatHex(digest.digest()))
        .isEqualTo(new String(output, 0, 32, StandardCharsets.US_ASCII));
    byte[] line = Arrays.copyOfRange(output, sum + 104_857_600, output.length);
    for (byte one : line) {
      if (one != 'x') {
        throw new AssertionError("the long line is damaged");
      }
    }
  }

  @Test
  void aLinkInTheIoDirectoryIsNotFollowed() throws IOException {
    Path secret = Files.writeString(directory.resolve("secret"), "of the host");
    TaskRequest request =
        Containers.shell(
                "echo said before; rm -f /.dstack/io/log /.dstack/io/runner.log;"
                    + " ln -s "
                    + secret
                    + " /.dstack/io/log; ln -s "
                    + secret
                    + " /.dstack/io/runner.log; sleep 0.5")
            .request();
    ended(request);

    assertThat(
            new String(
                agent.call("GET", "/v1/tasks/" + request.id() + "/logs?offset=0", null).body(),
                StandardCharsets.UTF_8))
        .doesNotContain("of the host");
    assertThat(
            new String(
                agent.call("GET", "/v1/tasks/" + request.id() + "/runner-log", null).body(),
                StandardCharsets.UTF_8))
        .doesNotContain("of the host");
  }

  @Test
  void whatTheRunnerSaidCanBeRead() {
    TaskRequest request = Containers.shell("true").request();
    ended(request);
    String path = "/v1/tasks/" + request.id() + "/runner-log?offset=";
    byte[] all = agent.call("GET", path + 0, null).body();

    assertThat(new String(all, StandardCharsets.UTF_8)).contains("the command ended with status 0");
    assertThat(agent.call("GET", path + all.length, null).body()).isEmpty();
  }

  @Test
  void theHostSaysThatItHasContainers() {
    HostInfo info = agent.info();

    assertThat(info.containers()).isTrue();
    assertThat(info.containersMissing()).isNull();
    assertThat(info.dockerVersion()).isNotEmpty();
  }

  @Test
  void whatCanNotBeIsRefusedAtOnce() {
    assertThat(refused(Containers.shell("id").image("Not An Image"))).contains("image:");
    assertThat(refused(Containers.shell("id").memory(1_000_000))).contains("64 MB");
    assertThat(refused(Containers.shell("id").ports(new PortMap(70_000, 0)))).contains("ports:");
    assertThat(
            refused(Containers.shell("id").mounts(new Mount("/tmp", "/.dstack/io", false, false))))
        .contains("volumes:");
  }

  private static String refused(Containers what) {
    var response = agent.call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(what.request()));
    assertThat(response.statusCode()).isEqualTo(400);
    return new String(response.body(), StandardCharsets.UTF_8);
  }

  @Test
  void aTaskThatRunsIsShownAsSuch() {
    TaskRequest request = Containers.shell("sleep 600").request();
    agent.submit(request);
    TaskInfo info = agent.running(request.id());

    assertThat(info.status()).isEqualTo(TaskStatus.RUNNING);
    assertThat(agent.call("DELETE", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(409);
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(request.id());
    assertThat(agent.call("DELETE", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(204);
    assertThat(agent.directory(request.id())).doesNotExist();
  }
}
