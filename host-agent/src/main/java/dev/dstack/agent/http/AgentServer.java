package dev.dstack.agent.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.agent.host.Health;
import dev.dstack.agent.task.Archives;
import dev.dstack.agent.task.TaskManager;
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
import dev.dstack.model.json.FieldError;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** The agent's HTTP interface, on loopback only. */
public final class AgentServer implements AutoCloseable {
  /** The largest JSON body. */
  static final int MAX_BODY_BYTES = 8 * 1024 * 1024;

  private static final int BACKLOG = 1_024;

  private final HttpServer server;
  private final ExecutorService executor;
  private final byte[] authorization;
  private final TaskManager tasks;
  private final HostFacts info;
  private final AgentLog log;

  /** What the host is, asked for at each call. */
  @FunctionalInterface
  public interface HostFacts {
    HostInfo get() throws InterruptedException;
  }

  private AgentServer(
      HttpServer server, String token, TaskManager tasks, HostFacts info, AgentLog log) {
    this.server = server;
    this.authorization = ("Bearer " + token).getBytes(StandardCharsets.UTF_8);
    this.tasks = tasks;
    this.info = info;
    this.log = log;
    this.executor = Executors.newVirtualThreadPerTaskExecutor();
    server.setExecutor(executor);
    server.createContext("/", this::handle);
  }

  /**
   * Starts to listen.
   *
   * @param ports tried in this order; 0 is any
   */
  public static AgentServer start(
      List<Integer> ports, String token, TaskManager tasks, HostFacts info, AgentLog log)
      throws IOException {
    // Read by the JDK's server when its first class is loaded. Without the first, the last packet
    // of
    // every answer waits 40 ms; without the second, the 201st idle connection is closed; without
    // the third, this side closes idle connections after 30 s, as callers do, and now and then one
    // that a caller is just using again.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.httpserver.maxIdleConnections", "4000");
    System.setProperty("sun.net.httpserver.idleInterval", "300");
    IOException last = null;
    for (int port : ports) {
      try {
        InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
        AgentServer agent =
            new AgentServer(HttpServer.create(address, BACKLOG), token, tasks, info, log);
        agent.server.start();
        return agent;
      } catch (BindException e) {
        last = e;
      }
    }
    throw new IOException("no port of " + ports + " on 127.0.0.1 can be had", last);
  }

  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
  }

  // --- one exchange ------------------------------------------------------------------------------

  private void handle(HttpExchange exchange) {
    try (exchange) {
      try {
        route(exchange);
      } catch (DstackException e) {
        fail(exchange, status(e.kind()), e.kind(), String.valueOf(e.getMessage()));
      } catch (InterruptedException e) {
        fail(exchange, 503, ErrorKind.AGENT_UNREACHABLE, "the agent is ending");
      } catch (IOException e) {
        if (exchange.getResponseCode() >= 0) {
          // The caller went away in the middle of the answer.
          return;
        }
        if (Durable.isDiskFull(e)) {
          fail(exchange, 507, ErrorKind.DISK_FULL, "the disk of the host is full");
        } else {
          log.warn("a call failed", e);
          fail(exchange, 500, ErrorKind.BUG, "the agent could not do it; its log says why");
        }
      } catch (RuntimeException e) {
        log.warn("a call failed", e);
        fail(exchange, 500, ErrorKind.BUG, "the agent could not do it; its log says why");
      }
    } catch (IOException e) {
      log.info("a caller went away");
    }
  }

  private static int status(ErrorKind kind) {
    return switch (kind) {
      case NOT_FOUND -> 404;
      case QUOTA_EXCEEDED -> 429;
      case NOT_READY -> 409;
      default -> kind.httpStatus();
    };
  }

  private void route(HttpExchange exchange) throws IOException, InterruptedException {
    String given = exchange.getRequestHeaders().getFirst("Authorization");
    byte[] bytes = given == null ? new byte[0] : given.getBytes(StandardCharsets.UTF_8);
    if (!MessageDigest.isEqual(bytes, authorization)) {
      fail(exchange, 401, ErrorKind.FORBIDDEN, "the token is missing or wrong");
      return;
    }
    String path = exchange.getRequestURI().getPath();
    String method = exchange.getRequestMethod();
    if (!path.startsWith(AgentProtocol.PREFIX + "/")) {
      fail(
          exchange,
          404,
          ErrorKind.NOT_FOUND,
          "no such path; this agent speaks " + AgentProtocol.PREFIX);
      return;
    }
    String[] parts = path.substring(AgentProtocol.PREFIX.length() + 1).split("/", -1);
    switch (method + " " + parts[0] + " " + parts.length) {
      case "GET info 1" -> json(exchange, 200, info.get());
      case "GET health 1" -> health(exchange);
      case "GET dcgm 1" -> dcgm(exchange);
      case "PUT archives 2" -> putArchive(exchange, parts[1]);
      case "HEAD archives 2" ->
          exchange.sendResponseHeaders(tasks.archives().has(parts[1]) ? 200 : 404, -1);
      case "GET tasks 1" -> json(exchange, 200, tasks.list());
      case "POST tasks 1" -> json(exchange, 200, tasks.submit(body(exchange, TaskRequest.class)));
      case "GET tasks 2" -> task(exchange, tasks.find(id(parts[1])));
      case "DELETE tasks 2" -> delete(exchange, id(parts[1]));
      case "GET tasks 3", "POST tasks 3" -> action(exchange, method, id(parts[1]), parts[2]);
      default ->
          fail(exchange, 404, ErrorKind.NOT_FOUND, "there is no " + method + " of this path");
    }
  }

  private void action(HttpExchange exchange, String method, JobId id, String action)
      throws IOException, InterruptedException {
    Map<String, String> query = query(exchange.getRequestURI().getRawQuery());
    switch (method + " " + action) {
      case "GET watch" -> {
        long wait = number(query, "wait_ms", AgentProtocol.WATCH_WAIT_MILLIS);
        Duration atMost = Duration.ofMillis(Math.clamp(wait, 0, AgentProtocol.WATCH_WAIT_MILLIS));
        long since = number(query, "since", 0);
        long offset = number(query, "log_offset", Long.MAX_VALUE);
        task(exchange, tasks.watch(id, since, offset, atMost));
      }
      case "GET logs" -> logs(exchange, id, query);
      case "GET metrics" -> metrics(exchange, id);
      case "GET runner-log" -> runnerLog(exchange, id, number(query, "offset", 0));
      case "POST stop" -> {
        StopRequest request = body(exchange, StopRequest.class);
        if (request.reason() == null) {
          throw new DstackException(ErrorKind.INVALID_SPEC, "reason: is missing");
        }
        task(exchange, tasks.stop(id, request));
      }
      default -> fail(exchange, 404, ErrorKind.NOT_FOUND, "a task has no " + method + " " + action);
    }
  }

  private void logs(HttpExchange exchange, JobId id, Map<String, String> query) throws IOException {
    long offset = number(query, "offset", 0);
    long limit = number(query, "limit", AgentProtocol.LOG_READ_BYTES);
    if (offset < 0 || limit < 0) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "offset and limit can't be negative");
    }
    Optional<TaskManager.Piece> piece =
        tasks.log(id, offset, Math.min(limit, AgentProtocol.LOG_READ_BYTES));
    if (piece.isEmpty()) {
      unknown(exchange, id);
      return;
    }
    long length = piece.get().length();
    exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
    exchange.sendResponseHeaders(200, length == 0 ? -1 : length);
    if (length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        piece.get().copyTo(out);
      }
    }
  }

  private void metrics(HttpExchange exchange, JobId id) throws IOException, InterruptedException {
    if (tasks.find(id).isEmpty()) {
      unknown(exchange, id);
      return;
    }
    Optional<TaskMetrics> metrics = tasks.metrics(id);
    if (metrics.isPresent()) {
      json(exchange, 200, metrics.get());
    } else {
      fail(exchange, 409, ErrorKind.NOT_READY, "the task " + id + " does not run");
    }
  }

  private void runnerLog(HttpExchange exchange, JobId id, long offset) throws IOException {
    Optional<byte[]> words = tasks.runnerLog(id, Math.max(0, offset));
    if (words.isPresent()) {
      bytes(exchange, "text/plain; charset=utf-8", words.get());
    } else {
      unknown(exchange, id);
    }
  }

  private static void health(HttpExchange exchange) throws IOException {
    Optional<HostHealth> health = Health.check();
    if (health.isPresent()) {
      json(exchange, 200, health.get());
    } else {
      fail(exchange, 404, ErrorKind.NOT_FOUND, "nothing on this host checks its accelerators");
    }
  }

  private static void dcgm(HttpExchange exchange) throws IOException {
    Optional<byte[]> text = Health.dcgmMetrics();
    if (text.isPresent()) {
      bytes(exchange, "text/plain; version=0.0.4; charset=utf-8", text.get());
    } else {
      fail(exchange, 404, ErrorKind.NOT_FOUND, "no DCGM exporter answers on this host");
    }
  }

  private static void bytes(HttpExchange exchange, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(body);
      }
    }
  }

  private void putArchive(HttpExchange exchange, String hash) throws IOException {
    long length = contentLength(exchange);
    if (length > Archives.MAX_BYTES) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "the archive has " + length + " bytes, the limit is " + Archives.MAX_BYTES);
    }
    try {
      tasks.archives().put(hash, exchange.getRequestBody());
    } catch (DstackException e) {
      readOn(exchange.getRequestBody(), 2 * Archives.MAX_BYTES);
      throw e;
    }
    exchange.sendResponseHeaders(204, -1);
  }

  private void delete(HttpExchange exchange, JobId id) throws IOException {
    if (tasks.remove(id)) {
      exchange.sendResponseHeaders(204, -1);
    } else {
      fail(exchange, 409, ErrorKind.NOT_READY, "the task " + id + " still runs; stop it first");
    }
  }

  private void task(HttpExchange exchange, Optional<TaskInfo> task) throws IOException {
    if (task.isPresent()) {
      json(exchange, 200, task.get());
    } else {
      fail(exchange, 404, ErrorKind.NOT_FOUND, "there is no such task on this host");
    }
  }

  private void unknown(HttpExchange exchange, JobId id) throws IOException {
    fail(exchange, 404, ErrorKind.NOT_FOUND, "there is no task " + id + " on this host");
  }

  // --- bodies ------------------------------------------------------------------------------------

  private static <T> T body(HttpExchange exchange, Class<T> type) throws IOException {
    InputStream in = exchange.getRequestBody();
    byte[] bytes = in.readNBytes(MAX_BODY_BYTES + 1);
    if (bytes.length > MAX_BODY_BYTES) {
      readOn(in, 16L * MAX_BODY_BYTES);
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "the body is larger than the limit of " + MAX_BODY_BYTES + " bytes");
    }
    T value;
    try {
      value = Json.strict().readValue(bytes, type);
    } catch (JacksonException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "the body is wrong: " + where(e));
    }
    if (value == null) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "the body is null");
    }
    return value;
  }

  /** A caller that is cut off in mid-sentence never sees the answer. */
  private static void readOn(InputStream in, long atMost) throws IOException {
    byte[] buffer = new byte[64 * 1024];
    long total = 0;
    for (int read = in.read(buffer); read >= 0 && total < atMost; read = in.read(buffer)) {
      total += read;
    }
  }

  /** Names of fields only: the parser's own words quote values, and those may be secrets. */
  private static String where(JacksonException e) {
    List<FieldError> errors = Json.errors(e);
    StringBuilder text = new StringBuilder();
    for (FieldError error : errors) {
      if (!text.isEmpty()) {
        text.append("; ");
      }
      text.append(String.join(".", error.loc().stream().map(String::valueOf).toList()));
      text.append(": ").append(error.type());
    }
    return text.toString();
  }

  private static void json(HttpExchange exchange, int status, Object value) throws IOException {
    byte[] bytes = Json.lenient().writeValueAsBytes(value);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  private static void fail(HttpExchange exchange, int status, ErrorKind kind, String message)
      throws IOException {
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    json(exchange, status, new AgentProtocol.Failure(kind.name(), message));
  }

  private static JobId id(String text) {
    try {
      return JobId.of(text);
    } catch (IllegalArgumentException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "a task's id is a UUID", e);
    }
  }

  private static long contentLength(HttpExchange exchange) {
    String text = exchange.getRequestHeaders().getFirst("Content-Length");
    try {
      return text == null ? -1 : Long.parseLong(text);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static Map<String, String> query(@Nullable String raw) {
    Map<String, String> values = new HashMap<>();
    if (raw != null) {
      for (String pair : raw.split("&")) {
        int equals = pair.indexOf('=');
        if (equals > 0) {
          values.put(pair.substring(0, equals), pair.substring(equals + 1));
        }
      }
    }
    return values;
  }

  private static long number(Map<String, String> query, String name, long otherwise) {
    String text = query.get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, name + ": is not a number", e);
    }
  }

  /** How long a clean end waits for calls in progress. */
  public void drain() throws InterruptedException {
    server.stop(0);
    executor.shutdownNow();
    executor.awaitTermination(1, TimeUnit.SECONDS);
  }
}
