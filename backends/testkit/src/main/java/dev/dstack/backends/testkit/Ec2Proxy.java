package dev.dstack.backends.testkit;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Stands before moto and makes it more like EC2: a ClientToken is honoured, and on demand answers
 * are lost after their effect, calls are throttled or refused, and machines are listed late.
 */
public final class Ec2Proxy implements AutoCloseable {
  private static final Set<String> DROPPED =
      Set.of("connection", "host", "content-length", "expect", "upgrade", "transfer-encoding");
  private static final Set<String> WITH_TOKEN = Set.of("RunInstances", "CreateVolume");
  private static final String EMPTY_LIST =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeKINDResponse"
          + " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>hidden</requestId>"
          + "<reservationSet/></DescribeKINDResponse>";

  private final URI moto;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient http = HttpClient.newHttpClient();
  private final Map<String, Made> tokens = new ConcurrentHashMap<>();
  private final Map<String, Fault> faults = new ConcurrentHashMap<>();
  private final Map<String, Reply> answers = new ConcurrentHashMap<>();
  private final Map<String, Runnable> afterEffects = new ConcurrentHashMap<>();
  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private volatile UnaryOperator<String> rewriting = UnaryOperator.identity();

  /** One call as it came; JSON calls have their target as action and no parameters. */
  public record Call(
      String action, Map<String, String> parameters, String body, String authorization) {}

  private record Reply(int status, String contentType, byte[] body) {}

  /** Holds the lock of its token. */
  private static final class Made {
    @Nullable Map<String, String> parameters;
    @Nullable Reply reply;
  }

  private sealed interface Fault {}

  private record Refuse(int status, String code, String message) implements Fault {}

  private record LoseAnswer() implements Fault {}

  private Ec2Proxy(URI moto, HttpServer server) {
    this.moto = moto;
    this.server = server;
  }

  public static Ec2Proxy before(URI moto) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    Ec2Proxy proxy = new Ec2Proxy(moto, server);
    server.setExecutor(proxy.threads);
    server.createContext("/", proxy::handle);
    server.start();
    return proxy;
  }

  public URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** Every call of this action is refused, until {@link #mend}. */
  public void refuse(String action, int status, String code, String message) {
    faults.put(action, new Refuse(status, code, message));
  }

  /** Calls of this action have their effect, and the connection is cut instead of an answer. */
  public void loseAnswers(String action) {
    faults.put(action, new LoseAnswer());
  }

  /** Machines are there, but no list shows them. */
  public void hideMachines() {
    answer("DescribeInstances", 200, "text/xml", EMPTY_LIST.replace("KIND", "Instances"));
  }

  /** Volumes are there, but no list shows them. */
  public void hideVolumes() {
    answer(
        "DescribeVolumes",
        200,
        "text/xml",
        EMPTY_LIST.replace("KIND", "Volumes").replace("reservationSet", "volumeSet"));
  }

  /** What moto does not know is answered with this, until {@link #mend}. */
  public void answer(String action, int status, String contentType, String body) {
    answers.put(action, new Reply(status, contentType, body.getBytes(StandardCharsets.UTF_8)));
  }

  public void mend() {
    faults.clear();
    answers.clear();
  }

  /** A call with a token of before is a new one. */
  public void forgetTokens() {
    tokens.clear();
  }

  /** Between the effect of the next call of this action and its answer, this is done; once. */
  public void afterNext(String action, Runnable then) {
    afterEffects.put(action, then);
  }

  /** What EC2 answers, such as the addresses of machines, is put right by this. */
  public void rewriteAnswers(UnaryOperator<String> xml) {
    rewriting = xml;
  }

  public List<Call> calls(String action) {
    return calls.stream().filter(call -> call.action().equals(action)).toList();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String text = new String(body, StandardCharsets.UTF_8);
      String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
      Map<String, String> parameters = target == null ? form(text) : Map.of();
      String action = target == null ? parameters.getOrDefault("Action", "") : target;
      String authorization = exchange.getRequestHeaders().getFirst("Authorization");
      calls.add(new Call(action, parameters, text, authorization == null ? "" : authorization));
      Fault fault = faults.get(action);
      if (fault instanceof Refuse(int status, String code, String message)) {
        send(exchange, error(status, code, message));
        return;
      }
      Reply canned = answers.get(action);
      String token = parameters.get("ClientToken");
      Reply reply =
          canned != null
              ? canned
              : token != null && WITH_TOKEN.contains(action)
                  ? once(token, parameters, exchange, body)
                  : forward(exchange, body);
      Runnable then = afterEffects.remove(action);
      if (then != null) {
        then.run();
      }
      if (fault instanceof LoseAnswer) {
        // Closed without a word.
        return;
      }
      send(exchange, rewritten(reply));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Reply rewritten(Reply reply) {
    if (reply.status() != 200 || !reply.contentType().contains("xml")) {
      return reply;
    }
    String xml = rewriting.apply(new String(reply.body(), StandardCharsets.UTF_8));
    return new Reply(reply.status(), reply.contentType(), xml.getBytes(StandardCharsets.UTF_8));
  }

  private Reply once(
      String token, Map<String, String> parameters, HttpExchange exchange, byte[] body)
      throws IOException, InterruptedException {
    Made made = tokens.computeIfAbsent(token, _ -> new Made());
    synchronized (made) {
      if (made.reply == null) {
        Reply reply = forward(exchange, body);
        if (reply.status() == 200) {
          made.parameters = parameters;
          made.reply = reply;
        }
        return reply;
      }
      return parameters.equals(made.parameters)
          ? made.reply
          : error(
              400,
              "IdempotentParameterMismatch",
              "The client token was used before with other parameters.");
    }
  }

  private Reply forward(HttpExchange exchange, byte[] body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(moto.resolve(exchange.getRequestURI().toString()))
            .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              if (!DROPPED.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    HttpResponse<byte[]> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    return new Reply(
        response.statusCode(),
        response.headers().firstValue("Content-Type").orElse("text/xml"),
        response.body());
  }

  private static void send(HttpExchange exchange, Reply reply) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", reply.contentType());
    // The JDK's server keeps 200 idle connections and cuts the others without a word, and the SDK
    // has a pool for each region of each backend.
    headers.set("Connection", "close");
    exchange.sendResponseHeaders(
        reply.status(), reply.body().length == 0 ? -1 : reply.body().length);
    exchange.getResponseBody().write(reply.body());
  }

  private static Reply error(int status, String code, String message) {
    String xml =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>"
            + code
            + "</Code><Message>"
            + message
            + "</Message></Error></Errors><RequestID>proxy</RequestID></Response>";
    return new Reply(status, "text/xml", xml.getBytes(StandardCharsets.UTF_8));
  }

  private static Map<String, String> form(String body) {
    Map<String, String> parameters = new TreeMap<>();
    for (String pair : new ArrayList<>(List.of(body.split("&")))) {
      int at = pair.indexOf('=');
      if (at > 0) {
        parameters.put(decoded(pair.substring(0, at)), decoded(pair.substring(at + 1)));
      }
    }
    return parameters;
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    http.close();
  }
}
