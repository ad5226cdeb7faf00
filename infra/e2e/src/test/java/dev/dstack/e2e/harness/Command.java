package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A program that is run to its end, with a limit. */
public final class Command {
  /** What it said and how it ended. */
  public record Result(List<String> command, int exit, String out, String err, Duration took) {
    public Result ok() {
      return exits(0);
    }

    public Result exits(int expected) {
      if (exit != expected) {
        throw new AssertionError(
            String.join(" ", tail()) + " ended with " + exit + " instead of " + expected + all());
      }
      return this;
    }

    public Result fails() {
      if (exit == 0) {
        throw new AssertionError(String.join(" ", tail()) + " ended well, it should not" + all());
      }
      return this;
    }

    public Result says(String... words) {
      String said = (out + err).replaceAll("\\s+", " ");
      for (String word : words) {
        if (!said.contains(word)) {
          throw new AssertionError(
              String.join(" ", tail()) + " does not say '" + word + "'" + all());
        }
      }
      return this;
    }

    private List<String> tail() {
      return command.subList(Math.max(0, command.size() - 8), command.size());
    }

    private String all() {
      return "\n--- out\n" + out + "\n--- err\n" + err;
    }
  }

  private final List<String> command = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private @Nullable Path directory;
  private @Nullable String input;
  private Duration limit = Duration.ofSeconds(90);

  public Command(List<String> command) {
    this.command.addAll(command);
  }

  public Command with(String... arguments) {
    command.addAll(List.of(arguments));
    return this;
  }

  public Command env(String name, String value) {
    environment.put(name, value);
    return this;
  }

  public Command in(Path where) {
    directory = where;
    return this;
  }

  public Command input(String text) {
    input = text;
    return this;
  }

  public Command limit(Duration other) {
    limit = other;
    return this;
  }

  public ProcessBuilder builder() {
    ProcessBuilder builder = new ProcessBuilder(command);
    // Nothing of the caller's shell may change what is tested.
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.startsWith("DSTACK_") || name.startsWith("TEMPORAL_"));
    builder.environment().putAll(environment);
    if (directory != null) {
      builder.directory(directory.toFile());
    }
    return builder;
  }

  public Result run() {
    try {
      Path out = Files.createTempFile("e2e-out", ".txt");
      Path err = Files.createTempFile("e2e-err", ".txt");
      long started = System.nanoTime();
      Process process = builder().redirectOutput(out.toFile()).redirectError(err.toFile()).start();
      try (var stdin = process.getOutputStream()) {
        if (input != null) {
          stdin.write(input.getBytes(StandardCharsets.UTF_8));
        }
      } catch (IOException e) {
        // It ended without reading; its exit status tells.
      }
      boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
      }
      Result result =
          new Result(
              List.copyOf(command),
              ended ? process.exitValue() : -1,
              read(out),
              read(err),
              Duration.ofNanos(System.nanoTime() - started));
      Files.delete(out);
      Files.delete(err);
      if (!ended) {
        throw new AssertionError(
            "Still running after " + limit + ": " + command + "\n" + result.out() + result.err());
      }
      return result;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String read(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
