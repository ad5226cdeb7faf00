package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A client in the foreground of somebody's terminal, and what can be done beside it. */
public record Attached(Process process, Path out) implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(120);

  public static Attached start(Command command) {
    try {
      Path out = Files.createTempFile("e2e-attached", ".txt");
      Process process =
          command.builder().redirectErrorStream(true).redirectOutput(out.toFile()).start();
      return new Attached(process, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A command of a job, by the OpenSSH client and the hosts that the client has written. */
  public static Command.Result ssh(Path home, String host, String command) {
    return new Command(
            List.of(
                "ssh",
                "-F",
                home.resolve(".dstack/ssh/config").toString(),
                "-o",
                "BatchMode=yes",
                host,
                command))
        .env("HOME", home.toString())
        .run();
  }

  /** What a forwarded port answers; the failure's words when it does not. */
  public static String get(int port, String path) {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                  .timeout(Duration.ofSeconds(5))
                  .build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      return e.toString();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  public String text() {
    try {
      return new String(Files.readAllBytes(out), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public void awaitText(String words) {
    Await.until(
        "it says '" + words + "'",
        LIMIT,
        () -> text().replace("\n", "").contains(words),
        this::text);
  }

  public void interrupt() {
    new Command(List.of("kill", "-INT", Long.toString(process.pid()))).run().ok();
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    Await.until("the client has ended", LIMIT, () -> !process.isAlive(), this::text);
    try {
      Files.deleteIfExists(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
