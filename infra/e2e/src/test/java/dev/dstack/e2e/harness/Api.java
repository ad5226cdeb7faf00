package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

/** HTTP as upstream's client speaks it. Every exchange goes into {@link Exchanges}. */
public final class Api {
  public static final JsonMapper JSON = JsonMapper.builder().build();
  public static final String VERSION = "0.22.5";

  private final URI base;
  private final @Nullable String token;
  private final String version;
  private final HttpClient http;

  public Api(URI base, @Nullable String token) {
    this(
        base,
        token,
        VERSION,
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build());
  }

  private Api(URI base, @Nullable String token, String version, HttpClient http) {
    this.base = base;
    this.token = token;
    this.version = version;
    this.http = http;
  }

  public Api withToken(@Nullable String other) {
    return new Api(base, other, version, http);
  }

  public Api withVersion(String other) {
    return new Api(base, token, other, http);
  }

  public URI base() {
    return base;
  }

  /** The answer, whatever its status. */
  public record Reply(String path, int status, String text, Map<String, String> headers) {
    public JsonNode json() {
      try {
        return text.isEmpty() ? MissingNode.getInstance() : JSON.readTree(text);
      } catch (RuntimeException e) {
        throw new AssertionError(
            path + " answered " + status + " without JSON: " + abbreviated(text), e);
      }
    }

    /** The JSON of a success; anything else fails the test. */
    public JsonNode ok() {
      if (status != 200) {
        throw new AssertionError(path + " answered " + status + ": " + abbreviated(text));
      }
      return json();
    }

    /** Asserts a refusal: the status, and words that its text must hold. */
    public Reply refused(int expected, String... words) {
      if (status != expected) {
        throw new AssertionError(
            path + " answered " + status + " instead of " + expected + ": " + abbreviated(text));
      }
      for (String word : words) {
        if (!text.contains(word)) {
          throw new AssertionError(path + " does not name '" + word + "': " + abbreviated(text));
        }
      }
      if (text.contains("\tat ") || text.contains("Exception")) {
        throw new AssertionError(path + " shows its insides: " + abbreviated(text));
      }
      return this;
    }

    private static String abbreviated(String text) {
      return text.length() > 2000 ? text.substring(0, 2000) + "…" : text;
    }
  }

  public Reply post(String path, Object body) {
    return send("POST", path, body instanceof String text ? text : JSON.writeValueAsString(body));
  }

  /** Without a body, as upstream's client sends where it has nothing to say. */
  public Reply post(String path) {
    return send("POST", path, null);
  }

  public Reply get(String path) {
    return send("GET", path, null);
  }

  private Reply send(String method, String path, @Nullable String body) {
    HttpRequest.Builder request = request(path);
    if (body == null) {
      request.method(method, HttpRequest.BodyPublishers.noBody());
    } else {
      request.header("Content-Type", "application/json");
      request.method(method, HttpRequest.BodyPublishers.ofString(body));
    }
    Reply reply = send(request.build(), path);
    Exchanges.record(method, path, body, reply);
    return reply;
  }

  /** A multipart upload of one file, field name {@code file}. */
  public Reply upload(String path, String fileName, byte[] content) {
    String boundary = "e2e-boundary-7c1e";
    byte[] head =
        ("--"
                + boundary
                + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\""
                + fileName
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n")
            .getBytes(java.nio.charset.StandardCharsets.UTF_8);
    byte[] tail =
        ("\r\n--" + boundary + "--\r\n").getBytes(java.nio.charset.StandardCharsets.UTF_8);
    HttpRequest request =
        request(path)
            .header("Content-Type", "multipart/form-data; boundary=" + boundary)
            .POST(
                HttpRequest.BodyPublishers.concat(
                    HttpRequest.BodyPublishers.ofByteArray(head),
                    HttpRequest.BodyPublishers.ofByteArray(content),
                    HttpRequest.BodyPublishers.ofByteArray(tail)))
            .build();
    Reply reply = send(request, path);
    Exchanges.record("POST", path, null, reply);
    return reply;
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(path))
            .timeout(Duration.ofSeconds(60))
            .header("X-API-VERSION", version);
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    return request;
  }

  private Reply send(HttpRequest request, String path) {
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      Map<String, String> headers = new HashMap<>();
      response.headers().map().forEach((name, values) -> headers.put(name, values.getFirst()));
      return new Reply(path, response.statusCode(), response.body(), headers);
    } catch (IOException e) {
      throw new UncheckedIOException(request.method() + " " + request.uri() + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
