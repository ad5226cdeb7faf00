package dev.dstack.agent;

import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** An agent in a process of its own, as it is in the product, and calls to it. */
final class AgentProcess implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Path home;
  private Process process;
  private int port;
  private String token;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final List<String> options;
  private final Map<String, String> environment;

  private AgentProcess(Path home, List<String> options, Map<String, String> environment) {
    this.home = home;
    this.options = options;
    this.environment = environment;
  }

  static AgentProcess start(Path home, String... jvmArguments) {
    return start(home, List.of(), jvmArguments);
  }

  /**
   * @param options of the agent itself, given to each that is started here
   */
  static AgentProcess start(Path home, List<String> options, String... jvmArguments) {
    return start(home, options, Map.of(), jvmArguments);
  }

  /**
   * @param environment over that of the tests
   */
  static AgentProcess start(
      Path home, List<String> options, Map<String, String> environment, String... jvmArguments) {
    AgentProcess agent = new AgentProcess(home, options, environment);
    agent.launch(jvmArguments);
    return agent;
  }

  void launch(String... jvmArguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of(jvmArguments));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of("dev.dstack.agent.Main", "--home", home.toString(), "--parent-less"));
    command.addAll(options);
    try {
      Files.createDirectories(home);
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(home.resolve("out.txt").toFile()));
      builder.environment().putAll(environment);
      process = builder.start();
      Path announcement = home.resolve("agent.json");
      until(
          "the agent says that it is ready",
          () -> {
            if (!process.isAlive()) {
              return true;
            }
            return Files.exists(announcement)
                && Json.lenient()
                        .readValue(Files.readAllBytes(announcement), Announcement.class)
                        .pid()
                    == process.pid();
          });
      if (process.isAlive()) {
        port =
            Json.lenient().readValue(Files.readAllBytes(announcement), Announcement.class).port();
        token = Files.readString(home.resolve("token")).strip();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  interface Condition {
    boolean holds() throws IOException;
  }

  static void until(String what, Condition condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    try {
      while (!condition.holds()) {
        if (System.nanoTime() > deadline) {
          throw new AssertionError("waited in vain until " + what);
        }
        LockSupport.parkNanos(2_000_000);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path home() {
    return home;
  }

  Path directory(JobId id) {
    return home.resolve("tasks").resolve(id.toString());
  }

  int port() {
    return port;
  }

  String token() {
    return token;
  }

  Process process() {
    return process;
  }

  /** As sudden as it gets. */
  void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  void awaitEnd() {
    try {
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        throw new AssertionError("the agent did not end");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits until a crash point was reached, then starts an ordinary agent. */
  void crashAndRestart() {
    awaitEnd();
    launch();
  }

  // --- calls -------------------------------------------------------------------------------------

  HttpResponse<byte[]> call(String method, String path, byte[] body) {
    return call(method, path, body, token);
  }

  HttpResponse<byte[]> call(String method, String path, byte[] body, String withToken) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .timeout(PATIENCE)
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    if (withToken != null) {
      request.header("Authorization", "Bearer " + withToken);
    }
    try {
      try {
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      } catch (HttpTimeoutException | ConnectException e) {
        throw e;
      } catch (IOException e) {
        // A connection that was kept may be closed just when it is used again; every call may be
        // repeated.
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path + ": " + e, e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private <T> T ok(HttpResponse<byte[]> response, Class<T> type) {
    if (response.statusCode() != 200) {
      throw new AssertionError(
          response.statusCode() + " " + new String(response.body(), StandardCharsets.UTF_8));
    }
    return Json.strict().readValue(response.body(), type);
  }

  HostInfo info() {
    return ok(call("GET", "/v1/info", null), HostInfo.class);
  }

  static JobId newId() {
    return new JobId(UUID.randomUUID());
  }

  static TaskRequest shell(String script) {
    return request(List.of("/bin/sh", "-c", script), Map.of());
  }

  static TaskRequest request(List<String> command, Map<String, String> env) {
    return new TaskRequest(newId(), "test", command, env, null, null, List.of(), null, 5, 0);
  }

  TaskInfo submit(TaskRequest request) {
    return ok(call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(request)), TaskInfo.class);
  }

  TaskInfo task(JobId id) {
    return ok(call("GET", "/v1/tasks/" + id, null), TaskInfo.class);
  }

  TaskMetrics metrics(JobId id) {
    return ok(call("GET", "/v1/tasks/" + id + "/metrics", null), TaskMetrics.class);
  }

  TaskInfo watch(JobId id, long since, long logOffset, long waitMillis) {
    return ok(
        call(
            "GET",
            "/v1/tasks/"
                + id
                + "/watch?since="
                + since
                + "&log_offset="
                + logOffset
                + "&wait_ms="
                + waitMillis,
            null),
        TaskInfo.class);
  }

  TaskInfo stop(JobId id, JobTerminationReason reason, long graceSeconds) {
    return ok(
        call(
            "POST",
            "/v1/tasks/" + id + "/stop",
            Json.strict().writeValueAsBytes(new StopRequest(reason, graceSeconds))),
        TaskInfo.class);
  }

  TaskInfo until(JobId id, Predicate<TaskInfo> condition) {
    TaskInfo info = task(id);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.test(info)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("waited in vain, last was " + info);
      }
      info = watch(id, info.seq(), info.logEnd(), 1_000);
    }
    return info;
  }

  TaskInfo running(JobId id) {
    return until(
        id, info -> info.status() != TaskStatus.PREPARING && info.status() != TaskStatus.PULLING);
  }

  TaskInfo exited(JobId id) {
    return until(id, info -> info.status() == TaskStatus.EXITED);
  }

  byte[] rawLog(JobId id, long offset, int limit) {
    HttpResponse<byte[]> response =
        call("GET", "/v1/tasks/" + id + "/logs?offset=" + offset + "&limit=" + limit, null);
    if (response.statusCode() != 200) {
      throw new AssertionError("log: " + response.statusCode());
    }
    return response.body();
  }

  byte[] frames(JobId id) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (true) {
      byte[] piece = rawLog(id, all.size(), 1 << 20);
      if (piece.length == 0) {
        return all.toByteArray();
      }
      all.writeBytes(piece);
    }
  }

  static List<LogFrame> decode(byte[] frames) {
    ByteBuffer buffer = ByteBuffer.wrap(frames);
    List<LogFrame> decoded = LogFrame.decode(buffer);
    if (buffer.hasRemaining()) {
      throw new AssertionError("a cut frame at the end");
    }
    return decoded;
  }

  byte[] output(JobId id) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    decode(frames(id)).forEach(frame -> all.writeBytes(frame.bytes()));
    return all.toByteArray();
  }

  String text(JobId id) {
    return new String(output(id), StandardCharsets.UTF_8);
  }

  /** Also ends the tasks: a test leaves nothing running. */
  @Override
  public void close() {
    try {
      if (!process.isAlive()) {
        launch();
      }
      for (TaskInfo task :
          Json.strict().readValue(call("GET", "/v1/tasks", null).body(), TaskInfo[].class)) {
        if (!task.status().isFinal()) {
          stop(task.id(), JobTerminationReason.TERMINATED_BY_SERVER, 0);
          exited(task.id());
        }
      }
    } finally {
      process.destroy();
      awaitEnd();
      http.close();
    }
  }
}
