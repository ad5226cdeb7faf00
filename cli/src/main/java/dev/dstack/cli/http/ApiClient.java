package dev.dstack.cli.http;

import dev.dstack.cli.Version;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.http.ApiException.Problem;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * Calls of the API with one token. Everything that goes wrong comes out as a message for a person.
 * One connection, so one call at a time; a thread that waits in a long poll has a client of its
 * own.
 */
public final class ApiClient implements Closeable {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final Duration UPLOAD_TIMEOUT = Duration.ofMinutes(10);

  private final ServerAddress address;
  private final String token;
  private volatile @Nullable HttpConnection connection;
  private volatile boolean closed;

  public ApiClient(ServerAddress address, String token) {
    this.address = address;
    this.token = token;
  }

  public ApiClient another() {
    return new ApiClient(address, token);
  }

  public String url() {
    return address.url();
  }

  /** The first digits of the token's hash, by which files of this machine are told apart. */
  public String tokenHash() {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-1").digest(token.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 4);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-1", e);
    }
  }

  public Doc get(String path) {
    return call("GET", path, null, bytes(new byte[0]), TIMEOUT);
  }

  /** A call without a body. */
  public Doc post(String path) {
    return post(path, null, TIMEOUT);
  }

  public Doc post(String path, @Nullable Object body) {
    return post(path, body, TIMEOUT);
  }

  public Doc post(String path, @Nullable Object body, Duration timeout) {
    byte[] json =
        body == null ? new byte[0] : JsonText.write(body).getBytes(StandardCharsets.UTF_8);
    return call("POST", path, body == null ? null : "application/json", bytes(json), timeout);
  }

  /**
   * As {@link #post(String, Object)}, on a fresh connection: a call that must not be sent twice.
   */
  public Doc postOnce(String path, Object body) {
    HttpConnection open = connection;
    if (open != null) {
      open.close();
    }
    return post(path, body);
  }

  /** A form with one file, as the file and code uploads want it. */
  public Doc upload(String path, String fileName, Path file) {
    String boundary = "dstack-" + Long.toHexString(System.nanoTime()) + "-upload";
    byte[] before =
        ("--"
                + boundary
                + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\""
                + fileName
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] after = ("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8);
    HttpConnection.Body body =
        new HttpConnection.Body() {
          private final long size = file.toFile().length();

          @Override
          public long length() {
            return before.length + size + after.length;
          }

          @Override
          public void writeTo(OutputStream out) throws IOException {
            out.write(before);
            Files.copy(file, out);
            out.write(after);
          }
        };
    return call("POST", path, "multipart/form-data; boundary=" + boundary, body, UPLOAD_TIMEOUT);
  }

  private Doc call(
      String method,
      String path,
      @Nullable String contentType,
      HttpConnection.Body body,
      Duration timeout) {
    StringBuilder head = new StringBuilder(256);
    head.append(method).append(' ').append(address.prefix()).append(path).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(address.hostHeader()).append("\r\n");
    head.append("Authorization: Bearer ").append(token).append("\r\n");
    head.append("X-API-VERSION: ").append(Version.API).append("\r\n");
    head.append("User-Agent: dstack-cli/").append(Version.API).append("\r\n");
    head.append("Accept: application/json\r\n");
    if (contentType != null) {
      head.append("Content-Type: ").append(contentType).append("\r\n");
    }
    if (!method.equals("GET")) {
      head.append("Content-Length: ").append(body.length()).append("\r\n");
    }
    head.append("\r\n");
    HttpConnection.Answer answer;
    try {
      answer = exchange(head.toString(), body, timeout);
    } catch (IOException e) {
      throw new ServerUnreachableException(unreachable(e), e);
    }
    if (answer.status() >= 200 && answer.status() < 300) {
      try {
        return JsonText.read(answer.body());
      } catch (JacksonException e) {
        throw new ApiException(answer.status(), List.of(), notOurs());
      }
    }
    throw failure(path, answer);
  }

  private HttpConnection.Answer exchange(String head, HttpConnection.Body body, Duration timeout)
      throws IOException {
    HttpConnection open = connection;
    if (open != null && open.reusable()) {
      try {
        return open.exchange(head, body, timeout);
      } catch (SocketTimeoutException e) {
        throw e;
      } catch (IOException e) {
        // A kept connection may have been closed by the server just now; a fresh one tells. Calls
        // that
        // must not be repeated come through postOnce.
        open.close();
      }
    }
    if (closed) {
      throw new IOException("closed");
    }
    HttpConnection fresh = HttpConnection.open(address);
    connection = fresh;
    if (closed) {
      fresh.close(); // close() came between the two lines above
    }
    try {
      return fresh.exchange(head, body, timeout);
    } catch (IOException e) {
      fresh.close();
      throw e;
    }
  }

  private String unreachable(IOException e) {
    String what =
        switch (e) {
          case UnknownHostException unknown -> "there is no host `" + address.host() + "`";
          case SocketTimeoutException timeout -> "it does not answer in time";
          case SSLException tls -> "no secure connection: " + tls.getMessage();
          case ConnectException refused when address.socket() == null ->
              "nothing listens at " + address.hostHeader();
          case NoRouteToHostException route -> "there is no route to " + address.host();
          default -> String.valueOf(e.getMessage());
        };
    String advice =
        e instanceof SSLException
            ? "Is the URL right, and is the certificate one this machine trusts?"
            : "Is the server running (`dstack server` starts one), and is the URL right (`dstack project list`)?";
    return "The server at " + url() + " can't be reached: " + what + ".\n" + advice;
  }

  private String notOurs() {
    return "What answers at "
        + url()
        + " is no dstack server.\nCheck the URL with `dstack project list`.";
  }

  private ApiException failure(String path, HttpConnection.Answer answer) {
    int status = answer.status();
    Doc detail;
    try {
      detail = JsonText.read(answer.body()).get("detail");
    } catch (JacksonException e) {
      detail = Doc.NULL;
    }
    List<Problem> problems = problems(detail);
    String said = String.join("\n", problems.stream().map(ApiClient::shown).toList());
    String message =
        switch (status) {
          case 401 -> tokenRefused();
          case 403 -> forbidden(said);
          case 404 -> path.startsWith("/api/project") ? noProject(path) : notOurs();
          case 413 -> said.isEmpty() ? "The upload is larger than the server accepts." : said;
          default -> status >= 500 ? serverFailed(status, said) : refused(status, said);
        };
    if (status == 422 || (status == 400 && said.contains("version"))) {
      message += versionHint();
    }
    return new ApiException(status, problems, message);
  }

  private String forbidden(String said) {
    return said.isEmpty() || said.contains("token")
        ? tokenRefused()
        : said + "\nThe server at " + url() + " does not allow this to your user.";
  }

  private String noProject(String path) {
    return "The project `"
        + projectOf(path)
        + "` is not known at "
        + url()
        + ", or your user is no member of it.\n"
        + "See `dstack project list`; --project NAME chooses another.";
  }

  private String serverFailed(int status, String said) {
    return "The server at "
        + url()
        + " failed (HTTP "
        + status
        + ")"
        + (said.isEmpty() ? "." : ": " + said)
        + "\nIts log tells more.";
  }

  private static String refused(int status, String said) {
    return said.isEmpty() ? "The server refused the request (HTTP " + status + ")." : said;
  }

  private String tokenRefused() {
    return "The server at "
        + url()
        + " does not accept the token.\n"
        + "Get a valid one and run `dstack project add --name NAME --url "
        + url()
        + " --token TOKEN`.";
  }

  private static String projectOf(String path) {
    int start = path.indexOf('/', "/api/".length()) + 1;
    int end = path.indexOf('/', start);
    return end < 0 ? path.substring(start) : path.substring(start, end);
  }

  private static String shown(Problem problem) {
    List<Object> place = problem.location();
    if (place.isEmpty()) {
      return problem.message();
    }
    List<String> steps = place.stream().map(String::valueOf).toList();
    return String.join(".", steps) + ": " + problem.message();
  }

  /** {@code detail} is a text, a problem, or a list of problems. */
  private static List<Problem> problems(Doc detail) {
    if (detail.isList()) {
      List<Problem> problems = new ArrayList<>();
      for (Doc item : detail.items()) {
        problems.add(problem(item));
      }
      return problems;
    }
    if (detail.isObject()) {
      return List.of(problem(detail));
    }
    String text = detail.text();
    return text == null ? List.of() : List.of(new Problem(text, null, List.of()));
  }

  private static Problem problem(Doc item) {
    List<Object> location = new ArrayList<>();
    for (Doc step : item.get("loc").items()) {
      Object value = step.value();
      if (value != null && !(location.isEmpty() && value.equals("body"))) {
        location.add(value instanceof Number number ? (Object) number.intValue() : value);
      }
    }
    return new Problem(item.get("msg").text("no message"), item.get("code").text(), location);
  }

  /** Told only when a request was refused and the versions differ, because then that may be why. */
  private String versionHint() {
    try (ApiClient other = another()) {
      String server =
          other
              .call("POST", "/api/server/get_info", null, bytes(new byte[0]), Duration.ofSeconds(5))
              .get("server_version")
              .text();
      return server == null || server.equals(Version.API)
          ? ""
          : "\nThe server speaks dstack " + server + ", this command line " + Version.API + ".";
    } catch (RuntimeException e) {
      return "";
    }
  }

  private static HttpConnection.Body bytes(byte[] bytes) {
    return new HttpConnection.Body() {
      @Override
      public long length() {
        return bytes.length;
      }

      @Override
      public void writeTo(OutputStream out) throws IOException {
        out.write(bytes);
      }
    };
  }

  public boolean closed() {
    return closed;
  }

  /** Also ends a call that another thread waits in. */
  @Override
  public void close() {
    closed = true;
    HttpConnection open = connection;
    if (open != null) {
      open.close();
    }
  }
}
