package dev.dstack.agent.repo;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** git as a program, and its repositories served by git's own CGI program and by OpenSSH. */
final class GitServers {
  private GitServers() {}

  static String git(Path directory, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(Arrays.asList(arguments));
    return run(directory, command);
  }

  static String run(Path directory, List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    Map<String, String> env = builder.environment();
    env.put("GIT_CONFIG_GLOBAL", "/dev/null");
    env.put("GIT_CONFIG_SYSTEM", "/dev/null");
    env.put("GIT_ALLOW_PROTOCOL", "file:http:ssh");
    for (String who : List.of("AUTHOR", "COMMITTER")) {
      env.put("GIT_" + who + "_NAME", "Test");
      env.put("GIT_" + who + "_EMAIL", "test@example.org");
    }
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    byte[] said = process.getInputStream().readAllBytes();
    String text = new String(said, StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + ": " + text);
    }
    return text;
  }

  /** Serves all repositories below a directory; with a token only to who has it. */
  static final class Http implements AutoCloseable {
    private final HttpServer server;
    private final Path root;
    private final String token;

    Http(Path root, String token) throws IOException {
      this.root = root;
      this.token = token;
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.createContext("/", this::handle);
      server.start();
    }

    String url(String repository) {
      return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + repository;
    }

    private void handle(HttpExchange exchange) throws IOException {
      try (exchange) {
        String wanted =
            "Basic " + Base64.getEncoder().encodeToString(("anything:" + token).getBytes());
        if (!token.isEmpty()
            && !wanted.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
          exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"git\"");
          exchange.sendResponseHeaders(401, -1);
          return;
        }
        ProcessBuilder builder = new ProcessBuilder("git", "http-backend");
        Map<String, String> env = builder.environment();
        env.put("GIT_PROJECT_ROOT", root.toString());
        env.put("GIT_HTTP_EXPORT_ALL", "1");
        env.put("GIT_CONFIG_GLOBAL", "/dev/null");
        env.put("GIT_CONFIG_COUNT", "1");
        env.put("GIT_CONFIG_KEY_0", "safe.directory");
        env.put("GIT_CONFIG_VALUE_0", "*");
        env.put("REQUEST_METHOD", exchange.getRequestMethod());
        env.put("PATH_INFO", exchange.getRequestURI().getPath());
        String query = exchange.getRequestURI().getRawQuery();
        env.put("QUERY_STRING", query == null ? "" : query);
        header(exchange, "Content-Type", "CONTENT_TYPE", env);
        header(exchange, "Content-Encoding", "HTTP_CONTENT_ENCODING", env);
        header(exchange, "Git-Protocol", "HTTP_GIT_PROTOCOL", env);
        Process process = builder.start();
        byte[] body = exchange.getRequestBody().readAllBytes();
        Thread.ofVirtual()
            .start(
                () -> {
                  try (OutputStream in = process.getOutputStream()) {
                    in.write(body);
                  } catch (IOException e) {
                    // It did not want to hear all.
                  }
                });
        answer(exchange, process.getInputStream().readAllBytes());
      }
    }

    private static void header(
        HttpExchange exchange, String name, String variable, Map<String, String> env) {
      String value = exchange.getRequestHeaders().getFirst(name);
      if (value != null) {
        env.put(variable, value);
      }
    }

    private static void answer(HttpExchange exchange, byte[] said) throws IOException {
      int status = 200;
      int at = 0;
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      while (at < said.length) {
        byte one = said[at++];
        if (one != '\n') {
          line.write(one);
          continue;
        }
        String header = line.toString(StandardCharsets.UTF_8).strip();
        line.reset();
        if (header.isEmpty()) {
          break;
        }
        String[] parts = header.split(": ", 2);
        if (parts[0].equals("Status")) {
          status = Integer.parseInt(parts[1].substring(0, 3));
        } else {
          exchange.getResponseHeaders().add(parts[0], parts[1]);
        }
      }
      int length = said.length - at;
      exchange.sendResponseHeaders(status, length == 0 ? -1 : length);
      if (length > 0) {
        exchange.getResponseBody().write(said, at, length);
      }
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }

  /** OpenSSH's server on a free port of the loopback, with one key that opens it. */
  static final class Ssh implements AutoCloseable {
    private final Process process;
    private final int port;

    Ssh(Path directory, String publicKey) throws IOException, InterruptedException {
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = free.getLocalPort();
      }
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      Path hostKey = directory.resolve("host");
      run(
          directory,
          List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey.toString()));
      Path keys = directory.resolve("keys");
      Files.writeString(keys, publicKey);
      Path config = directory.resolve("config");
      Files.writeString(
          config,
          String.join(
              "\n",
              "ListenAddress 127.0.0.1:" + port,
              "HostKey " + hostKey,
              "AuthorizedKeysFile " + keys,
              "PidFile none",
              "StrictModes no",
              "UsePAM no",
              "PasswordAuthentication no",
              ""));
      Path privileges = Path.of("/run/sshd");
      if (Files.isWritable(Path.of("/run"))) {
        Files.createDirectories(privileges);
      }
      process =
          new ProcessBuilder("/usr/sbin/sshd", "-D", "-e", "-f", config.toString())
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("said").toFile())
              .start();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!listens()) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          throw new IOException(Files.readString(directory.resolve("said")));
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }

    private boolean listens() {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return socket.isConnected();
      } catch (IOException e) {
        return false;
      }
    }

    String url(Path repository) {
      return "ssh://" + System.getProperty("user.name") + "@127.0.0.1:" + port + repository;
    }

    @Override
    public void close() {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().onExit().join();
    }
  }
}
