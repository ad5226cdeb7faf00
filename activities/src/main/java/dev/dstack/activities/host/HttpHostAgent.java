package dev.dstack.activities.host;

import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.HostAgent;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;

/** A host agent that speaks {@link AgentProtocol} over HTTP. */
public final class HttpHostAgent implements HostAgent {
  private static final Duration CONNECT = Duration.ofSeconds(3);
  private static final Duration CALL = Duration.ofSeconds(15);

  /** Tools of vendors take their time. */
  private static final Duration HEALTH = Duration.ofSeconds(45);

  private static final Duration UPLOAD = Duration.ofMinutes(5);
  private static final int NOT_FOUND = 404;
  private static final int CONFLICT = 409;

  private final HttpClient client;
  private final AgentAddress address;

  /** Where it is, for people. */
  private final String place;

  public HttpHostAgent(HttpClient client, AgentAddress address) {
    this(client, address, address.uri().toString());
  }

  /**
   * @param place where it is, for people: through a tunnel the address says nothing
   */
  public HttpHostAgent(HttpClient client, AgentAddress address, String place) {
    this.client = client;
    this.address = address;
    this.place = place;
  }

  /** One for all agents: it keeps their connections. */
  public static HttpClient client() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(CONNECT)
        .followRedirects(HttpClient.Redirect.NEVER)
        .build();
  }

  @Override
  public HostInfo info() {
    return json(good(call(request("/info", CALL).GET())), HostInfo.class);
  }

  @Override
  public boolean hasArchive(String sha256) {
    HttpResponse<byte[]> response =
        call(request("/archives/" + sha256, CALL).method("HEAD", BodyPublishers.noBody()));
    if (response.statusCode() == NOT_FOUND) {
      return false;
    }
    good(response);
    return true;
  }

  @Override
  public void putArchive(String sha256, long length, InputStream tar) {
    BodyPublisher body =
        BodyPublishers.fromPublisher(BodyPublishers.ofInputStream(() -> tar), length);
    good(call(request("/archives/" + sha256, UPLOAD).PUT(body), false));
  }

  @Override
  public TaskInfo submit(TaskRequest task) {
    return json(good(call(request("/tasks", CALL).POST(body(task)))), TaskInfo.class);
  }

  @Override
  public List<TaskInfo> tasks() {
    HttpResponse<byte[]> response = good(call(request("/tasks", CALL).GET()));
    try {
      return Json.lenient().readValue(response.body(), new TypeReference<List<TaskInfo>>() {});
    } catch (JacksonException e) {
      throw notOurs(e);
    }
  }

  @Override
  public Optional<TaskInfo> watch(JobId task, long since, long logOffset, Duration wait)
      throws InterruptedException {
    String path =
        "/tasks/"
            + task
            + "/watch?since="
            + since
            + "&log_offset="
            + logOffset
            + "&wait_ms="
            + wait.toMillis();
    return info(send(request(path, wait.plus(CALL)).GET(), true));
  }

  @Override
  public byte[] readLog(JobId task, long offset, int limit) {
    String path = "/tasks/" + task + "/logs?offset=" + offset + "&limit=" + limit;
    HttpResponse<byte[]> response = call(request(path, CALL).GET());
    return response.statusCode() == NOT_FOUND ? new byte[0] : good(response).body();
  }

  @Override
  public byte[] readRunnerLog(JobId task, long offset, int limit) {
    String path = "/tasks/" + task + "/runner-log?offset=" + offset + "&limit=" + limit;
    HttpResponse<byte[]> response = call(request(path, CALL).GET());
    return response.statusCode() == NOT_FOUND ? new byte[0] : good(response).body();
  }

  @Override
  public Optional<TaskMetrics> metrics(JobId task) {
    HttpResponse<byte[]> response = call(request("/tasks/" + task + "/metrics", CALL).GET());
    boolean none = response.statusCode() == NOT_FOUND || response.statusCode() == CONFLICT;
    return none ? Optional.empty() : Optional.of(json(good(response), TaskMetrics.class));
  }

  @Override
  public Optional<HostHealth> health() {
    HttpResponse<byte[]> response = call(request("/health", HEALTH).GET());
    return response.statusCode() == NOT_FOUND
        ? Optional.empty()
        : Optional.of(json(good(response), HostHealth.class));
  }

  @Override
  public Optional<String> dcgm() {
    HttpResponse<byte[]> response = call(request("/dcgm", CALL).GET());
    return response.statusCode() == NOT_FOUND
        ? Optional.empty()
        : Optional.of(new String(good(response).body(), StandardCharsets.UTF_8));
  }

  @Override
  public Optional<TaskInfo> stop(JobId task, StopRequest stop) {
    return info(call(request("/tasks/" + task + "/stop", CALL).POST(body(stop))));
  }

  @Override
  public void remove(JobId task) {
    HttpResponse<byte[]> response = call(request("/tasks/" + task, CALL).DELETE());
    if (response.statusCode() == CONFLICT) {
      throw new DstackException(
          ErrorKind.NOT_READY, "Task " + task + " still runs, so it can't be removed yet.");
    }
    if (response.statusCode() != NOT_FOUND) {
      good(response);
    }
  }

  @Override
  public void close() {
    // The connections belong to the shared client.
  }

  private HttpRequest.Builder request(String path, Duration timeout) {
    return HttpRequest.newBuilder(address.uri().resolve(AgentProtocol.PREFIX + path))
        .header("Authorization", "Bearer " + address.token())
        .timeout(timeout);
  }

  private static BodyPublisher body(Object value) {
    return BodyPublishers.ofByteArray(Json.lenient().writeValueAsBytes(value));
  }

  private HttpResponse<byte[]> call(HttpRequest.Builder request) {
    return call(request, true);
  }

  /**
   * @param repeatable the body can be sent a second time
   */
  private HttpResponse<byte[]> call(HttpRequest.Builder request, boolean repeatable) {
    try {
      return send(request, repeatable);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "The call to the host agent was given up.", e);
    }
  }

  private HttpResponse<byte[]> send(HttpRequest.Builder builder, boolean repeatable)
      throws InterruptedException {
    HttpRequest request = builder.header("Content-Type", "application/json").build();
    try {
      try {
        return client.send(request, BodyHandlers.ofByteArray());
      } catch (HttpTimeoutException | ConnectException e) {
        throw e;
      } catch (IOException e) {
        if (!repeatable) {
          throw e;
        }
        // A connection that was kept may be closed by the agent just when it is used again. Every
        // call of the protocol may be repeated: tasks and archives have their names from us.
        return client.send(request, BodyHandlers.ofByteArray());
      }
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE,
          "The host agent at " + place + " does not answer: " + reason(e) + ".",
          e);
    }
  }

  private Optional<TaskInfo> info(HttpResponse<byte[]> response) {
    return response.statusCode() == NOT_FOUND
        ? Optional.empty()
        : Optional.of(json(good(response), TaskInfo.class));
  }

  private HttpResponse<byte[]> good(HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status >= 200 && status < 300) {
      return response;
    }
    throw failure(status, response.body());
  }

  private DstackException failure(int status, byte[] body) {
    String where = "The host agent at " + place + " answered " + status + ": ";
    try {
      AgentProtocol.Failure failure = Json.lenient().readValue(body, AgentProtocol.Failure.class);
      for (ErrorKind kind : ErrorKind.values()) {
        if (kind.name().equals(failure.kind())) {
          return new DstackException(kind, failure.message());
        }
      }
      return new DstackException(unnamed(status), where + failure.message());
    } catch (JacksonException _) {
      String text = new String(body, StandardCharsets.UTF_8).strip();
      return new DstackException(
          unnamed(status), where + text.substring(0, Math.min(text.length(), 300)));
    }
  }

  private static ErrorKind unnamed(int status) {
    return status >= 500 ? ErrorKind.AGENT_UNREACHABLE : ErrorKind.AGENT_REFUSED;
  }

  private <T> T json(HttpResponse<byte[]> response, Class<T> type) {
    try {
      return Json.lenient().readValue(response.body(), type);
    } catch (JacksonException e) {
      throw notOurs(e);
    }
  }

  private DstackException notOurs(JacksonException e) {
    return new DstackException(
        ErrorKind.AGENT_REFUSED,
        "What listens at "
            + place
            + " does not speak the host agent's protocol: "
            + e.getOriginalMessage(),
        e);
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }
}
