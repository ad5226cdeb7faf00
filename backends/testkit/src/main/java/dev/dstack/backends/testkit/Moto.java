package dev.dstack.backends.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** moto's server in a process of its own, on a port that it chooses. */
public final class Moto implements AutoCloseable {
  private static final Pattern LISTENING =
      Pattern.compile("Running on (http://127\\.0\\.0\\.1:\\d+)");
  private static final long START_SECONDS = 90;

  private final Process process;
  private final URI uri;

  private Moto(Process process, URI uri) {
    this.process = process;
    this.uri = uri;
  }

  /** Empty: it is not installed. {@code ./test} installs it. */
  public static Optional<Path> program() {
    String venv = System.getenv("E2E_MOTO_VENV");
    Path directory = venv == null ? beside() : Path.of(venv);
    return Optional.ofNullable(directory)
        .map(found -> found.resolve("bin").resolve("moto_server"))
        .filter(Files::isExecutable);
  }

  private static @Nullable Path beside() {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      if (Files.exists(at.resolve("mvnw"))) {
        return at.resolve(".venv-moto");
      }
    }
    return null;
  }

  public static Moto start() throws IOException, InterruptedException {
    Path program = program().orElseThrow(() -> new IOException("moto is not installed"));
    ProcessBuilder builder =
        new ProcessBuilder(program.toString(), "-H", "127.0.0.1", "-p", "0")
            .redirectErrorStream(true);
    builder.environment().putAll(Map.of("PYTHONUNBUFFERED", "1", "PYTHONDONTWRITEBYTECODE", "1"));
    Process process = builder.start();
    CompletableFuture<URI> listening = new CompletableFuture<>();
    Thread.ofPlatform().daemon().name("moto-output").start(() -> read(process, listening));
    try {
      return new Moto(process, listening.get(START_SECONDS, TimeUnit.SECONDS));
    } catch (ExecutionException | TimeoutException e) {
      process.destroyForcibly();
      throw new IOException("moto did not start: " + e.getMessage(), e);
    }
  }

  /** Its pipe must not fill. */
  private static void read(Process process, CompletableFuture<URI> listening) {
    StringBuilder said = new StringBuilder();
    try (BufferedReader reader = process.inputReader()) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        Matcher matcher = LISTENING.matcher(line);
        if (!listening.isDone()) {
          said.append(line).append('\n');
          if (matcher.find()) {
            listening.complete(URI.create(matcher.group(1)));
          }
        }
      }
    } catch (IOException e) {
      said.append(e);
    }
    listening.completeExceptionally(new IOException("it ended: " + said));
  }

  public URI uri() {
    return uri;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
