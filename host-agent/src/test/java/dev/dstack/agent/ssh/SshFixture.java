package dev.dstack.agent.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.live.LogClock;
import dev.dstack.agent.live.LogFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A server with a task that isn't one, and the programs of OpenSSH to talk to it. */
final class SshFixture implements AutoCloseable {
  static final Duration DEADLINE = Duration.ofSeconds(60);

  final Path directory;
  final Path work;
  final Path logFile;
  final LogFile log;
  final LogClock clock = new LogClock();
  final Usage usage;
  final JobSshServer server;
  volatile boolean running = true;
  volatile boolean complete;
  volatile List<String> shells = List.of("/bin/bash", "/bin/sh");

  SshFixture() throws IOException {
    directory = Files.createTempDirectory("dstack-ssh");
    work = Files.createDirectory(directory.resolve("work"));
    logFile = directory.resolve("log");
    for (String type : List.of("ed25519", "ecdsa", "rsa")) {
      assertThat(
              run("ssh-keygen", "-q", "-t", type, "-N", "", "-f", directory + "/" + type).status())
          .isZero();
    }
    List<String> keys = new ArrayList<>();
    for (String type : List.of("ed25519", "ecdsa", "rsa")) {
      keys.addAll(Files.readAllLines(directory.resolve(type + ".pub")));
    }
    keys.add("# a comment, and a line that is no key:");
    keys.add("ssh-unknown AAAA nobody");
    log = new LogFile(logFile, () -> complete, clock);
    usage = new Usage(InstantSource.system(), null, _ -> {});
    AgentLog agentLog = new AgentLog(directory.resolve("agent.log"), InstantSource.system());
    server =
        JobSshServer.start(
            new JobSshServer.Settings(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                keys,
                null,
                directory.resolve("host-key")),
            new Host(),
            log,
            usage,
            agentLog);
    Files.writeString(directory.resolve("config"), config("ed25519"));
  }

  String config(String key) {
    return """
        Host task
          HostName 127.0.0.1
          Port %d
          User anybody
          IdentitiesOnly yes
          IdentityAgent none
          IdentityFile %s
          StrictHostKeyChecking no
          UserKnownHostsFile /dev/null
          LogLevel ERROR
        """
        .formatted(server.port(), directory.resolve(key));
  }

  /** Arguments that make a program of OpenSSH find the server. */
  String[] with(String program, String... arguments) {
    return Stream.concat(Stream.of(program, "-F", directory + "/config"), Stream.of(arguments))
        .toArray(String[]::new);
  }

  Result ssh(String... arguments) {
    return run(with("ssh", arguments));
  }

  record Result(int status, String out, String error) {}

  static Result run(String... command) {
    return run(Map.of(), command);
  }

  static Result run(Map<String, String> environment, String... command) {
    return run(DEADLINE, environment, command);
  }

  static Result run(Duration deadline, String... command) {
    return run(deadline, Map.of(), command);
  }

  private static Result run(Duration deadline, Map<String, String> environment, String... command) {
    try {
      Path out = Files.createTempFile("dstack-ssh", ".out");
      Path error = Files.createTempFile("dstack-ssh", ".err");
      try {
        ProcessBuilder builder =
            new ProcessBuilder(command)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(error.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        if (!process.waitFor(deadline.toSeconds(), TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new AssertionError(
              String.join(" ", command) + " did not end: " + Files.readString(error));
        }
        return new Result(
            process.exitValue(),
            new String(Files.readAllBytes(out), StandardCharsets.UTF_8),
            new String(Files.readAllBytes(error), StandardCharsets.UTF_8));
      } finally {
        Files.delete(out);
        Files.delete(error);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + DEADLINE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not within " + DEADLINE + ": " + what);
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    log.close();
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private final class Host implements SessionHost {
    @Override
    public Map<String, String> environment() {
      return Map.of(
          "PATH", System.getenv("PATH"), "DSTACK_RUN_NAME", "brave-fox", "LANG", "C.UTF-8");
    }

    @Override
    public Path directory() {
      return work;
    }

    @Override
    public Path home() {
      return directory;
    }

    @Override
    public String username() {
      return System.getProperty("user.name");
    }

    @Override
    public List<String> shells() {
      return shells;
    }

    @Override
    public List<String> launcher() {
      return List.of();
    }

    @Override
    public int terminalOwner() {
      return -1;
    }

    @Override
    public List<String> sftpCommand() {
      return List.of();
    }

    @Override
    public boolean running() {
      return running;
    }
  }
}
