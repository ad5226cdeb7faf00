package dev.dstack.cli.train;

import dev.dstack.cli.CliException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers the calls of the training from resources, on loopback. */
final class CannedServer implements AutoCloseable {
  private static final int RUNNING = 3;

  private final ServerSocket listener;
  private final AtomicInteger running = new AtomicInteger();

  private CannedServer(ServerSocket listener) {
    this.listener = listener;
  }

  static CannedServer start() {
    try {
      CannedServer server =
          new CannedServer(new ServerSocket(0, 16, InetAddress.getLoopbackAddress()));
      Thread.ofPlatform().daemon().name("canned-server").start(server::accept);
      return server;
    } catch (IOException e) {
      throw CliException.failure("The training can't listen on loopback: " + e.getMessage(), e);
    }
  }

  int port() {
    return listener.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        Thread.ofPlatform().daemon().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      while (true) {
        String request = line(in);
        int length = 0;
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
          if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
            length = Integer.parseInt(header.substring(15).strip());
          }
        }
        if (request.isEmpty()) {
          return;
        }
        String asked = new String(in.readNBytes(length), StandardCharsets.UTF_8);
        byte[] body = answer(request.split(" ", 3)[1], asked);
        out.write(
            ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length
                    + "\r\n\r\n")
                .getBytes(StandardCharsets.UTF_8));
        out.write(body);
        out.flush();
      }
    } catch (IOException e) {
      // the client hung up
    }
  }

  private byte[] answer(String target, String asked) throws IOException {
    int query = target.indexOf('?');
    String path = query < 0 ? target : target.substring(0, query);
    String last = path.substring(path.lastIndexOf('/') + 1);
    return switch (last) {
      case "list" ->
          path.contains("runs")
              ? list("run")
              : path.contains("fleets") ? list("fleet") : "[]".getBytes(StandardCharsets.UTF_8);
      case "get" -> path.contains("projects") ? resource("project") : run(asked);
      case "get_my_user" ->
          "{\"ssh_private_key\": \"none\", \"ssh_public_key\": \"ssh-rsa none\"}"
              .getBytes(StandardCharsets.UTF_8);
      case "apply" -> resource("run");
      case "get_plan" -> resource("plan");
      case "poll" -> resource("logs");
      case "get_archive_by_hash" -> resource("archive");
      default -> "null".getBytes(StandardCharsets.UTF_8);
    };
  }

  /** The run {@code attached} runs for a moment after it was asked for by its name. */
  private byte[] run(String asked) throws IOException {
    if (asked.contains("\"attached\"")) {
      running.set(RUNNING);
    }
    byte[] run = resource("run");
    return running.getAndDecrement() <= 0
        ? run
        : new String(run, StandardCharsets.UTF_8)
            .replace("\"status\": \"done\"", "\"status\": \"running\"")
            .replace("\"dockerized\": false", "\"dockerized\": false, \"ssh_port\": 22")
            .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] list(String name) throws IOException {
    return ("[" + new String(resource(name), StandardCharsets.UTF_8) + "]")
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = CannedServer.class.getResourceAsStream(name + ".json")) {
      if (in == null) {
        throw new IOException("the jar lacks " + name + ".json");
      }
      return in.readAllBytes();
    }
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }
}
