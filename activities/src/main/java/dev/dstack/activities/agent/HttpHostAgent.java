package dev.dstack.activities.agent;

import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.HostAgent;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Flow;
import tools.jackson.core.JacksonException;

/** A host agent over HTTP, protocol version 1. Safe for many threads. */
public final class HttpHostAgent implements HostAgent {
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration UPLOAD_TIMEOUT = Duration.ofMinutes(5);

  /** Beyond what a watch waits, for the answer to arrive. */
  private static final Duration WATCH_SLACK = Duration.ofSeconds(10);

  private final HttpClient http;
  private final AgentAddress address;

  /**
   * @param http shared by all agents; it is not closed with this one
   */
  public HttpHostAgent(HttpClient http, AgentAddress address) {
    this.http = http;
    this.address = address;
  }

  @Override
  public HostInfo info() {
    return json(send("GET", "/info", BodyPublishers.noBody(), CALL_TIMEOUT), HostInfo.class);
  }

  @Override
  public boolean hasArchive(String sha256) {
    HttpResponse<byte[]> response =
        exchange("HEAD", "/archives/" + sha256, BodyPublishers.noBody(), CALL_TIMEOUT);
    return switch (response.statusCode()) {
      case 200 -> true;
      case 404 -> false;
      default -> throw refused(response);
    };
  }

  @Override
  public void putArchive(String sha256, long length, InputStream tar) {
    BodyPublisher body = new LengthKnown(BodyPublishers.ofInputStream(() -> tar), length);
    send("PUT", "/archives/" + sha256, body, UPLOAD_TIMEOUT);
  }

  @Override
  public TaskInfo submit(TaskRequest request) {
    return json(send("POST", "/tasks", body(request), CALL_TIMEOUT), TaskInfo.class);
  }

  @Override
  public List<TaskInfo> tasks() {
    return List.of(
        json(send("GET", "/tasks", BodyPublishers.noBody(), CALL_TIMEOUT), TaskInfo[].class));
  }

  @Override
  public Optional<TaskInfo> watch(JobId task, long since, long logOffset, Duration wait)
      throws InterruptedException {
    String query = "?since=" + since + "&log_offset=" + logOffset + "&wait_ms=" + wait.toMillis();
    HttpResponse<byte[]> response =
        exchangeInterruptibly(
            "GET",
            "/tasks/" + task + "/watch" + query,
            BodyPublishers.noBody(),
            wait.plus(WATCH_SLACK));
    return response.statusCode() == 404
        ? Optional.empty()
        : Optional.of(json(checked(response), TaskInfo.class));
  }

  @Override
  public byte[] readLog(JobId task, long offset, int limit) {
    String query = "?offset=" + offset + "&limit=" + limit;
    return send("GET", "/tasks/" + task + "/logs" + query, BodyPublishers.noBody(), CALL_TIMEOUT)
        .body();
  }

  @Override
  public Optional<TaskInfo> stop(JobId task, StopRequest request) {
    HttpResponse<byte[]> response =
        exchange("POST", "/tasks/" + task + "/stop", body(request), CALL_TIMEOUT);
    return response.statusCode() == 404
        ? Optional.empty()
        : Optional.of(json(checked(response), TaskInfo.class));
  }

  @Override
  public void remove(JobId task) {
    send("DELETE", "/tasks/" + task, BodyPublishers.noBody(), CALL_TIMEOUT);
  }

  /** The connections belong to the shared client. */
  @Override
  public void close() {}

  private static BodyPublisher body(Object value) {
    return BodyPublishers.ofByteArray(Json.lenient().writeValueAsBytes(value));
  }

  private HttpResponse<byte[]> send(
      String method, String path, BodyPublisher body, Duration timeout) {
    return checked(exchange(method, path, body, timeout));
  }

  private HttpResponse<byte[]> exchange(
      String method, String path, BodyPublisher body, Duration timeout) {
    try {
      return exchangeInterruptibly(method, path, body, timeout);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "The call of the host agent was interrupted", e);
    }
  }

  private HttpResponse<byte[]> exchangeInterruptibly(
      String method, String path, BodyPublisher body, Duration timeout)
      throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address.uri() + AgentProtocol.PREFIX + path))
            .timeout(timeout)
            .header("Authorization", "Bearer " + address.token())
            .header("Content-Type", "application/json")
            .method(method, body)
            .build();
    try {
      return http.send(request, BodyHandlers.ofByteArray());
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE,
          "The host agent at " + address.uri() + " does not answer: " + e,
          e);
    }
  }

  private HttpResponse<byte[]> checked(HttpResponse<byte[]> response) {
    if (response.statusCode() / 100 != 2) {
      throw refused(response);
    }
    return response;
  }

  private DstackException refused(HttpResponse<byte[]> response) {
    String body = new String(response.body(), StandardCharsets.UTF_8);
    String message = "status " + response.statusCode();
    ErrorKind kind =
        response.statusCode() / 100 == 5 ? ErrorKind.AGENT_UNREACHABLE : ErrorKind.AGENT_REFUSED;
    try {
      AgentProtocol.Failure failure = Json.lenient().readValue(body, AgentProtocol.Failure.class);
      message = failure.message();
      kind = ErrorKind.valueOf(failure.kind()) == ErrorKind.DISK_FULL ? ErrorKind.DISK_FULL : kind;
    } catch (JacksonException | IllegalArgumentException e) {
      // Not an answer of an agent; the status alone has to do.
    }
    return new DstackException(kind, "The host agent at " + address.uri() + " refused: " + message);
  }

  private <T> T json(HttpResponse<byte[]> response, Class<T> type) {
    try {
      return Json.lenient().readValue(response.body(), type);
    } catch (JacksonException e) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE,
          "The host agent at "
              + address.uri()
              + " answered something that is no "
              + type.getSimpleName(),
          e);
    }
  }

  /** A body from a stream, sent with its length instead of in chunks. */
  private record LengthKnown(BodyPublisher body, long contentLength) implements BodyPublisher {
    @Override
    public void subscribe(Flow.Subscriber<? super java.nio.ByteBuffer> subscriber) {
      body.subscribe(subscriber);
    }
  }
}
