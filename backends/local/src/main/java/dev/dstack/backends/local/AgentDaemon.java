package dev.dstack.backends.local;

import dev.dstack.backends.AgentAddress;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * The agent of this machine as a daemon of its own: in a session of its own, with a keeper (a
 * shell) that starts it again when it dies, so that neither the end of the server nor its own death
 * touches a job for longer than a second. Any number of servers on one directory share it.
 */
final class AgentDaemon {
  private static final String KEEPER_FILE = "keeper.pid";

  /** What the running agent was started from and with. */
  private static final String LAUNCHED_FILE = "launched";

  private static final Duration START_WITHIN = Duration.ofSeconds(60);
  private static final Duration CALL_WITHIN = Duration.ofSeconds(5);
  private static final Duration TASKS_END_WITHIN = Duration.ofSeconds(30);
  private static final long STOP_GRACE_SECONDS = 10;

  /** The agent's own decision to end, or one that no repetition would change, is respected. */
  private static final String KEEPER =
      """
      wait=1
      while :; do
        "$@"
        case $? in 0|2|3|143) exit ;; esac
        sleep $wait
        [ $wait -lt 30 ] && wait=$((wait * 2))
      done
      """;

  /** In this process; between processes the lock file does it. */
  private static final ReentrantLock STARTING = new ReentrantLock();

  /** Nothing else of the server's environment: it may hold the server's secrets. */
  private static final List<String> PASSED_ON =
      List.of(
          "PATH",
          "HOME",
          "USER",
          "LOGNAME",
          "LANG",
          "LC_ALL",
          "TZ",
          "LD_LIBRARY_PATH",
          "DOCKER_HOST",
          "XDG_RUNTIME_DIR");

  private final Path home;
  private final @Nullable String user;
  private final @Nullable String docker;
  private final @Nullable String registryMirror;
  private volatile @Nullable HostInfo lastInfo;

  /** The running agent has been found to be the one that this server would start. */
  private volatile boolean current;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CALL_WITHIN)
          .build();

  /**
   * @param user runs every task; each user has an agent of its own
   */
  AgentDaemon(
      Path serverDir,
      @Nullable String user,
      @Nullable String docker,
      @Nullable String registryMirror) {
    this.home =
        serverDir.toAbsolutePath().normalize().resolve(user == null ? "agent" : "agent-" + user);
    this.user = user;
    this.docker = docker;
    this.registryMirror = registryMirror;
  }

  Path home() {
    return home;
  }

  /** What the agent says of its host, if one runs; nothing is started for that. */
  Optional<HostInfo> info() {
    return running().isPresent() ? Optional.ofNullable(lastInfo) : Optional.empty();
  }

  private record Running(long pid, AgentAddress address) {}

  /** Before anything is created: a user that this server can't act as is refused at once. */
  void checkHome() {
    if (user != null && !"root".equals(System.getProperty("user.name"))) {
      if (!user.equals(System.getProperty("user.name"))) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "backend local: user "
                + user
                + " needs a server that runs as root; this one runs as "
                + System.getProperty("user.name"));
      }
    }
  }

  /**
   * Finds the agent or starts it; answers when it answers. One of another version, or with other
   * settings, is replaced, once for each server; its tasks go on.
   */
  AgentAddress ensure() {
    Optional<Running> running = running();
    if (running.isPresent() && current) {
      return running.get().address();
    }
    STARTING.lock();
    try {
      Files.createDirectories(home);
      try (FileChannel file =
              FileChannel.open(
                  home.resolve("start.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = file.lock()) {
        running = running();
        if (running.isPresent() && (current || isCurrent())) {
          current = true;
          return running.get().address();
        }
        AgentAddress address = start();
        current = true;
        return address;
      }
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE,
          "the host agent could not be started: " + e.getMessage(),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "interrupted while the host agent starts", e);
    } finally {
      STARTING.unlock();
    }
  }

  /** Stops every task and then the agent; nothing to end is success. */
  void end() {
    try {
      Optional<Running> running = running();
      if (running.isEmpty()) {
        return;
      }
      stopTasks(running.get().address());
      ProcessHandle.of(running.get().pid())
          .ifPresent(
              process -> {
                process.destroy();
                process.onExit().orTimeout(20, TimeUnit.SECONDS).join();
              });
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "the host agent could not be ended: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(ErrorKind.AGENT_UNREACHABLE, "interrupted", e);
    }
  }

  private void stopTasks(AgentAddress address) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TASKS_END_WITHIN.toNanos();
    while (true) {
      List<TaskInfo> unfinished =
          List.of(Json.lenient().readValue(call(address, "GET", "/tasks", null), TaskInfo[].class))
              .stream()
              .filter(task -> !task.status().isFinal())
              .toList();
      if (unfinished.isEmpty()) {
        return;
      }
      if (System.nanoTime() > deadline) {
        throw new DstackException(
            ErrorKind.NOT_READY, unfinished.size() + " tasks of this machine have not ended yet");
      }
      StopRequest stop =
          new StopRequest(JobTerminationReason.TERMINATED_BY_SERVER, STOP_GRACE_SECONDS);
      for (TaskInfo task : unfinished) {
        call(
            address,
            "POST",
            "/tasks/" + task.id() + "/stop",
            Json.lenient().writeValueAsBytes(stop));
      }
      TaskInfo first = unfinished.getFirst();
      call(
          address,
          "GET",
          "/tasks/" + first.id() + "/watch?wait_ms=5000&since=" + first.seq(),
          null);
    }
  }

  /** The agent that answers under the address it wrote down. */
  private Optional<Running> running() {
    Path announcement = home.resolve("agent.json");
    Path token = home.resolve("token");
    if (!Files.exists(announcement) || !Files.exists(token)) {
      return Optional.empty();
    }
    try {
      JsonNode json = Json.lenient().readTree(Files.readAllBytes(announcement));
      long pid = json.path("pid").asLong();
      AgentAddress address =
          new AgentAddress(
              URI.create("http://127.0.0.1:" + json.path("port").asInt()),
              Files.readString(token).strip());
      if (ProcessHandle.of(pid).isEmpty()) {
        return Optional.empty();
      }
      lastInfo = info(address);
      return Optional.of(new Running(pid, address));
    } catch (IOException | JacksonException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(ErrorKind.AGENT_UNREACHABLE, "interrupted", e);
    }
  }

  /** A second time, because a host under load answers late and its agent is not to be replaced. */
  private HostInfo info(AgentAddress address) throws IOException, InterruptedException {
    byte[] answer;
    try {
      answer = call(address, "GET", "/info", null);
    } catch (HttpTimeoutException e) {
      answer = call(address, "GET", "/info", null);
    }
    return Json.lenient().readValue(answer, HostInfo.class);
  }

  private byte[] call(AgentAddress address, String method, String path, byte @Nullable [] body)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(address.uri().resolve(AgentProtocol.PREFIX + path))
            .header("Authorization", "Bearer " + address.token())
            .timeout(CALL_WITHIN)
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() / 100 != 2) {
      throw new IOException("the host agent answered " + response.statusCode() + " to " + path);
    }
    return response.body();
  }

  private AgentAddress start() throws IOException, InterruptedException {
    endPredecessor();
    String classpath = AgentClasspath.in(home);
    Path output = home.resolve("agent.out");
    List<String> command =
        new ArrayList<>(List.of("setsid", "/bin/sh", "-c", KEEPER, "agent-keeper"));
    command.addAll(javaCommand(classpath));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(home.toFile())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectOutput(ProcessBuilder.Redirect.to(output.toFile()))
            .redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> !PASSED_ON.contains(name));
    Process keeper = builder.start();
    Files.writeString(home.resolve(LAUNCHED_FILE), launch());
    Files.writeString(
        home.resolve(KEEPER_FILE), keeper.pid() + " " + started(keeper.toHandle()) + "\n");
    long deadline = System.nanoTime() + START_WITHIN.toNanos();
    while (System.nanoTime() < deadline) {
      Optional<Running> running = running();
      if (running.isPresent()) {
        return running.get().address();
      }
      if (keeper.waitFor(20, TimeUnit.MILLISECONDS)) {
        running = running();
        if (running.isPresent()) {
          return running.get().address();
        }
        break;
      }
    }
    if (keeper.isAlive()) {
      keeper.descendants().forEach(ProcessHandle::destroy);
      keeper.destroy();
    }
    throw new DstackException(
        ErrorKind.BACKEND_UNAVAILABLE,
        "the host agent did not start; " + output + " says: " + tail(output));
  }

  private boolean isCurrent() throws IOException {
    Path launched = home.resolve(LAUNCHED_FILE);
    return Files.exists(launched) && Files.readString(launched).equals(launch());
  }

  private String launch() throws IOException {
    return String.join("\n", javaCommand("")) + "\n" + AgentClasspath.version();
  }

  private List<String> javaCommand(String classpath) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-Xss512k",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dslf4j.internal.verbosity=ERROR",
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:ErrorFile=" + home.resolve("agent-crash.log"),
                "-cp",
                classpath,
                "dev.dstack.agent.Main",
                "--home",
                home.toString(),
                "--parent-less"));
    Path runtime = AgentRuntime.find();
    if (runtime != null) {
      command.add("--runtime");
      command.add(runtime.toString());
    }
    if (docker != null) {
      command.addAll(List.of("--docker", docker));
    }
    if (registryMirror != null) {
      command.addAll(List.of("--registry-mirror", registryMirror));
    }
    if (user != null) {
      command.add("--user");
      command.add(user);
    }
    return command;
  }

  /** An agent that did not answer, and the keeper that would start it again from old files. */
  private void endPredecessor() throws IOException, InterruptedException {
    Path file = home.resolve(KEEPER_FILE);
    if (!Files.exists(file)) {
      return;
    }
    String[] noted = Files.readString(file).strip().split(" ");
    if (noted.length != 2 || !noted[0].matches("[0-9]{1,9}")) {
      return;
    }
    Optional<ProcessHandle> keeper =
        ProcessHandle.of(Long.parseLong(noted[0])).filter(p -> started(p).equals(noted[1]));
    if (keeper.isPresent()) {
      // Not its tasks: they are in sessions of their own and children of nobody here.
      List<ProcessHandle> agents = keeper.get().children().toList();
      keeper.get().destroyForcibly();
      agents.forEach(ProcessHandle::destroyForcibly);
      for (ProcessHandle agent : agents) {
        agent.onExit().completeOnTimeout(agent, 10, TimeUnit.SECONDS).join();
      }
    }
  }

  private static String started(ProcessHandle process) {
    return process.info().startInstant().map(Object::toString).orElse("-");
  }

  private static String tail(Path file) {
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      int length = (int) Math.min(1_000, in.length());
      byte[] bytes = new byte[length];
      in.seek(in.length() - length);
      in.readFully(bytes);
      return new String(bytes, StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "(nothing: " + e.getMessage() + ")";
    }
  }
}
