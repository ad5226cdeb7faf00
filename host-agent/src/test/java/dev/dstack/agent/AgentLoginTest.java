package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Logins to tasks that are processes of the host, with the real client. */
@Timeout(120)
@EnabledIf(value = "clientIsThere", disabledReason = "needs openssh-client")
class AgentLoginTest {
  @TempDir static Path directory;
  private static AgentProcess agent;

  static boolean clientIsThere() {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .anyMatch(place -> Files.isExecutable(Path.of(place, "ssh")));
  }

  @BeforeAll
  static void start() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory + "/key");
    agent = AgentProcess.start(directory.resolve("home"), "--enable-native-access=ALL-UNNAMED");
  }

  @AfterAll
  static void stop() {
    agent.close();
  }

  private record Result(int status, String out) {}

  private static Result run(String... command) {
    try {
      Path out = Files.createTempFile(directory, "out", "");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectOutput(out.toFile())
              .start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(String.join(" ", command) + " did not end");
      }
      return new Result(process.exitValue(), Files.readString(out));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> options(int port) {
    return List.of(
        "-F",
        "none",
        "-i",
        directory + "/key",
        "-o",
        "Port=" + port,
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "IdentityAgent=none",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "BatchMode=yes",
        "-o",
        "UserKnownHostsFile=" + directory + "/known",
        "-o",
        "LogLevel=ERROR");
  }

  private static Result ssh(int port, String... arguments) {
    return run(
        Stream.of(Stream.of("ssh"), options(port).stream(), Stream.of(arguments))
            .flatMap(words -> words)
            .toArray(String[]::new));
  }

  private static TaskRequest request(String script, String user) throws IOException {
    return new TaskRequest(
        AgentProcess.newId(),
        "test",
        List.of("/bin/sh", "-c", script),
        Map.of("DSTACK_RUN_NAME", "brave-fox", "TOKEN", "secret-value"),
        null,
        user,
        List.of(),
        null,
        5,
        0,
        null,
        null,
        new AccessRequest(Files.readAllLines(directory.resolve("key.pub")), null, null));
  }

  private static TaskInfo begin(TaskRequest request) {
    agent.submit(request);
    return agent.running(request.id());
  }

  private static int port(TaskInfo task) {
    return task.ports().get(AccessRequest.SSH_PORT);
  }

  @Test
  void aSessionHasTheTasksDirectoryAndEnvironmentWhichAreInNoFile() throws IOException {
    TaskInfo task = begin(request("sleep 1000", null));

    Result result = ssh(port(task), "whoever@127.0.0.1", "pwd; echo $DSTACK_RUN_NAME $TOKEN");

    assertThat(result.out()).isEqualTo(task.workingDir() + "\nbrave-fox secret-value\n");
    assertThat(task.unusedSince()).isNotNull();
    try (Stream<Path> files = Files.walk(agent.home())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .as(file.toString())
            .doesNotContain("secret-value");
      }
    }
  }

  @Test
  void thePortAndTheKeyAreTheSameAfterARestartOfTheAgent() throws IOException {
    TaskInfo before = begin(request("sleep 1000", null));
    assertThat(
            ssh(port(before), "-o", "StrictHostKeyChecking=accept-new", "root@127.0.0.1", "true"))
        .isEqualTo(new Result(0, ""));

    agent.kill();
    agent.launch("--enable-native-access=ALL-UNNAMED");
    TaskInfo after = agent.task(before.id());
    Result again =
        ssh(
            port(before),
            "-o",
            "ConnectionAttempts=20",
            "-o",
            "StrictHostKeyChecking=yes",
            "root@127.0.0.1",
            "echo in");

    assertThat(after.ports()).isEqualTo(before.ports());
    assertThat(again).isEqualTo(new Result(0, "in\n"));
  }

  @Test
  void sessionsEndWithTheTask() throws Exception {
    TaskInfo task = begin(request("sleep 1000", null));
    List<String> command = new ArrayList<>(List.of("ssh"));
    command.addAll(options(port(task)));
    command.addAll(List.of("x@127.0.0.1", "echo in; exec sleep 1000"));
    Process session = new ProcessBuilder(command).start();
    assertThat(session.inputReader().readLine()).isEqualTo("in");

    agent.stop(task.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(task.id());

    assertThat(session.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(ssh(port(task), "x@127.0.0.1", "echo in").out()).contains("The job has ended");
  }

  @Test
  void theLogCanBeReadForAWhileAfterTheEnd() throws Exception {
    TaskRequest request = request("echo the last words", null);
    agent.submit(request);
    TaskInfo task = agent.exited(request.id());
    assertThat(agent.call("DELETE", "/v1/tasks/" + task.id(), null).statusCode()).isEqualTo(204);
    List<String> command = new ArrayList<>(List.of("ssh"));
    command.addAll(options(port(task)));
    command.addAll(List.of("-W", "localhost:10999", "x@127.0.0.1"));
    Process forward = new ProcessBuilder(command).start();
    forward
        .getOutputStream()
        .write(
            ("GET /logs_ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    + "Sec-WebSocket-Version: 13\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    forward.getOutputStream().flush();

    String answer =
        new String(forward.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);

    assertThat(answer)
        .startsWith("HTTP/1.1 101 ")
        .contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        .contains("the last words\n");
  }

  @Test
  void aTaskWithoutKeysHasNoPort() {
    TaskRequest request = AgentProcess.shell("sleep 1000");
    agent.submit(request);

    assertThat(agent.running(request.id()).ports()).isEmpty();
  }

  @Test
  void sessionsOfAnotherUserAreThatUser() throws IOException {
    assumeTrue(System.getProperty("user.name").equals("root"), "needs root");
    TaskInfo task = begin(request("sleep 1000", "nobody"));
    assumeTrue(task.status() == TaskStatus.RUNNING, "the user can't reach the directory");

    assertThat(ssh(port(task), "root@127.0.0.1", "id -un; id -u; echo $TOKEN; pwd").out())
        .isEqualTo("nobody\n65534\nsecret-value\n" + task.workingDir() + "\n");
    assertThat(ssh(port(task), "-tt", "root@127.0.0.1", "id -un; stat -c %U $(tty)").out())
        .isEqualTo("nobody\r\nnobody\r\n");
    List<String> copy = new ArrayList<>(List.of("scp", "-s"));
    copy.addAll(options(port(task)));
    copy.addAll(List.of("root@127.0.0.1:/etc/shadow", directory + "/stolen"));
    assertThat(run(copy.toArray(String[]::new)).status()).isNotZero();
    assertThat(directory.resolve("stolen")).doesNotExist();
  }

  @Test
  void theServerIsOnLoopback() throws IOException {
    TaskInfo task = begin(request("sleep 1000", null));

    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port(task))) {
      assertThat(new String(socket.getInputStream().readNBytes(8), StandardCharsets.US_ASCII))
          .isEqualTo("SSH-2.0-");
    }
  }
}
