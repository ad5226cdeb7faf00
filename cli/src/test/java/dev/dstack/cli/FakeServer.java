package dev.dstack.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** A server with answers of the right shape, and a memory of what it was asked. */
final class FakeServer implements AutoCloseable {
  /** One answer; the request's body is null where it is no JSON. */
  interface Route {
    Answer answer(Doc body) throws InterruptedException;
  }

  record Answer(int status, Object json) {}

  record Call(String path, String query, Doc body, Map<String, List<String>> headers) {}

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, Route> routes = new ConcurrentHashMap<>();
  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private final CountDownLatch closed = new CountDownLatch(1);

  FakeServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    on("/api/project/main/repos/init", body -> ok(null));
  }

  /** As the real server does where there is nothing new: keeps the answer back for a moment. */
  void holdBack(Duration atMost) throws InterruptedException {
    if (closed.await(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new InterruptedException("the server is closed");
    }
  }

  static Answer ok(Object json) {
    return new Answer(200, json);
  }

  static Answer error(int status, String message, String code) {
    Map<String, Object> problem = new java.util.HashMap<>();
    problem.put("msg", message);
    problem.put("code", code);
    return new Answer(status, Map.of("detail", List.of(problem)));
  }

  FakeServer on(String path, Route route) {
    routes.put(path, route);
    return this;
  }

  FakeServer answers(String path, Object json) {
    return on(path, body -> ok(json));
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  List<Call> calls(String path) {
    return calls.stream().filter(call -> call.path().equals(path)).toList();
  }

  List<Call> calls() {
    return new ArrayList<>(calls);
  }

  private void handle(HttpExchange exchange) throws IOException {
    byte[] bytes;
    try (InputStream in = exchange.getRequestBody()) {
      bytes = in.readAllBytes();
    }
    Doc body;
    try {
      body = bytes.length == 0 ? Doc.NULL : JsonText.read(bytes);
    } catch (RuntimeException e) {
      body = Doc.of(new String(bytes, StandardCharsets.ISO_8859_1));
    }
    String path = exchange.getRequestURI().getPath();
    String query = exchange.getRequestURI().getQuery();
    calls.add(
        new Call(path, query == null ? "" : query, body, Map.copyOf(exchange.getRequestHeaders())));
    Route route = routes.get(path);
    Answer answer;
    try {
      answer =
          route == null
              ? new Answer(404, Map.of("detail", "no route " + path))
              : route.answer(body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    if (answer.status() == 0) {
      exchange.close(); // hangs up
      return;
    }
    byte[] json =
        answer.json() instanceof byte[] raw
            ? raw
            : JsonText.write(answer.json()).getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.sendResponseHeaders(answer.status(), json.length == 0 ? -1 : json.length);
    exchange.getResponseBody().write(json);
    exchange.close();
  }

  @Override
  public void close() {
    closed.countDown();
    server.stop(0);
    threads.shutdownNow();
  }
}
