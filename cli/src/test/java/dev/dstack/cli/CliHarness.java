package dev.dstack.cli;

import dev.dstack.cli.term.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** The command line in this process, with a terminal, a clock and a Ctrl-C of its own. */
final class CliHarness {
  static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  final ByteArrayOutputStream out = new ByteArrayOutputStream();
  final ByteArrayOutputStream err = new ByteArrayOutputStream();
  final Map<String, String> env = new HashMap<>();
  private final Path home;
  private Path cwd;
  private int width;
  private final PipedInputStream in = new PipedInputStream();
  private final PipedOutputStream keyboard;
  private volatile Runnable onInterrupt = () -> {};

  CliHarness(Path home) {
    this.home = home;
    this.cwd = home;
    try {
      this.keyboard = new PipedOutputStream(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  CliHarness connectedTo(FakeServer server) {
    env.put("DSTACK_SERVER_URL", server.url());
    env.put("DSTACK_PROJECT", "main");
    env.put("DSTACK_TOKEN", "t0ken");
    return this;
  }

  /** A terminal of this width; without it, the output is a pipe. */
  CliHarness terminal(int columns) {
    this.width = columns;
    return this;
  }

  CliHarness in(Path directory) {
    this.cwd = directory;
    return this;
  }

  int run(String... words) {
    return Main.run(List.of(words), cli(in));
  }

  int runWithInput(InputStream input, String... words) {
    return Main.run(List.of(words), cli(input));
  }

  Running start(String... words) {
    CompletableFuture<Integer> exit = new CompletableFuture<>();
    Thread.ofPlatform().daemon().start(() -> exit.complete(Main.run(List.of(words), cli(in))));
    return new Running(exit);
  }

  private Cli cli(InputStream input) {
    Terminal terminal =
        Terminal.of(
            input,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            width,
            env);
    return new Cli(
        terminal, env, home, cwd, Clock.fixed(NOW, ZoneOffset.UTC), action -> onInterrupt = action);
  }

  String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  void interrupt() {
    onInterrupt.run();
  }

  void type(String line) {
    try {
      keyboard.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      keyboard.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("It did not happen: " + what);
      }
      Thread.onSpinWait();
      java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
    }
  }

  void awaitOutput(String text) {
    try {
      await("the output `" + text + "`", () -> output().contains(text));
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + " in:\n" + output() + errors(), e);
    }
  }

  record Running(CompletableFuture<Integer> exit) {
    int await() {
      try {
        return exit.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      } catch (InterruptedException | ExecutionException | TimeoutException e) {
        throw new AssertionError("The command does not end", e);
      }
    }
  }
}
