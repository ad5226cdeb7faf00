package dev.dstack.agent.docker;

import com.github.dockerjava.transport.DockerHttpClient;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import dev.dstack.model.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** The engine's HTTP interface: calls with an end, and answers that go on. */
final class DockerApi {
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(10);
  private static final int MOST_CONNECTIONS = 100_000;
  private static final int MOST_BYTES = 64 * 1024 * 1024;

  private final URI host;
  private final DockerHttpClient http;

  DockerApi(URI host) {
    this.host = host;
    this.http =
        new ZerodepDockerHttpClient.Builder()
            .dockerHost(host)
            .maxConnections(MOST_CONNECTIONS)
            .connectionTimeout(CONNECT_WITHIN)
            .build();
  }

  URI host() {
    return host;
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  JsonNode get(String path, Duration within)
      throws DockerException, EngineAwayException, InterruptedException {
    return call("GET", path, null, within);
  }

  JsonNode call(String method, String path, @Nullable JsonNode body, Duration within)
      throws DockerException, EngineAwayException, InterruptedException {
    byte[] answer = bytes(method, path, body, within);
    try {
      return answer.length == 0
          ? JsonNodeFactory.instance.missingNode()
          : Json.lenient().readTree(answer);
    } catch (JacksonException e) {
      throw new EngineAwayException(host + " answers with something else than JSON", e);
    }
  }

  /**
   * The socket of the engine knows no timeouts, so the call is made by a thread that can be given
   * up.
   */
  byte[] bytes(String method, String path, @Nullable JsonNode body, Duration within)
      throws DockerException, EngineAwayException, InterruptedException {
    FutureTask<byte[]> task =
        new FutureTask<>(
            () -> {
              try (DockerHttpClient.Response response = execute(method, path, body, Map.of())) {
                check(response);
                return response.getBody().readNBytes(MOST_BYTES);
              }
            });
    Thread.ofVirtual().name("docker-call").start(task);
    try {
      return task.get(within.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      task.cancel(true);
      throw e;
    } catch (TimeoutException e) {
      task.cancel(true);
      throw new EngineAwayException(
          host
              + " did not answer "
              + method
              + " "
              + name(path)
              + " in "
              + within.toSeconds()
              + " s",
          e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case DockerException refused -> throw refused;
        case EngineAwayException away -> throw away;
        case IOException broken -> throw away(broken);
        case null, default -> throw new IllegalStateException(method + " " + name(path), e);
      }
    }
  }

  /** An answer that comes in pieces; whoever closes it, in whatever thread, ends it. */
  static final class Stream implements AutoCloseable {
    private final DockerHttpClient.Response response;
    private final BufferedReader lines;
    private final URI host;

    private Stream(DockerHttpClient.Response response, URI host) {
      this.response = response;
      this.host = host;
      this.lines =
          new BufferedReader(new InputStreamReader(response.getBody(), StandardCharsets.UTF_8));
    }

    /** Absent: the answer is complete. */
    @Nullable JsonNode next() throws EngineAwayException {
      try {
        String line = lines.readLine();
        while (line != null && line.isBlank()) {
          line = lines.readLine();
        }
        return line == null ? null : Json.lenient().readTree(line);
      } catch (IOException | JacksonException e) {
        throw new EngineAwayException(host + " broke off in the middle of an answer", e);
      }
    }

    @Override
    public void close() {
      response.close();
    }
  }

  Stream stream(String method, String path, Map<String, String> headers)
      throws DockerException, EngineAwayException {
    DockerHttpClient.Response response = execute(method, path, null, headers);
    try {
      check(response);
    } catch (IOException e) {
      response.close();
      throw away(e);
    } catch (DockerException e) {
      response.close();
      throw e;
    }
    return new Stream(response, host);
  }

  private DockerHttpClient.Response execute(
      String method, String path, @Nullable JsonNode body, Map<String, String> headers)
      throws EngineAwayException {
    DockerHttpClient.Request.Builder request =
        DockerHttpClient.Request.builder().method(DockerHttpClient.Request.Method.valueOf(method));
    request.path(path);
    request.putAllHeaders(headers);
    if (body != null) {
      request.putHeader("Content-Type", "application/json");
      request.bodyBytes(Json.lenient().writeValueAsBytes(body));
    }
    try {
      return http.execute(request.build());
    } catch (RuntimeException e) {
      throw away(e);
    }
  }

  private EngineAwayException away(Exception e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return new EngineAwayException(
        "the Docker Engine at " + host + " does not answer (" + cause.getMessage() + ")", e);
  }

  private static void check(DockerHttpClient.Response response)
      throws DockerException, IOException {
    int status = response.getStatusCode();
    if (status < 400) {
      return;
    }
    try (InputStream in = response.getBody()) {
      String text = new String(in.readNBytes(1 << 20), StandardCharsets.UTF_8).strip();
      String message = text;
      try {
        message = Json.lenient().readTree(text).path("message").asString(text);
      } catch (JacksonException e) {
        // Then it is the text itself that says what is wrong.
        message = text;
      }
      throw new DockerException(status, message);
    }
  }

  /** Without what is asked for, which may be long. */
  private static String name(String path) {
    int query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }
}
