package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Somebody's {@code dstack attach}, in a terminal of its own. */
final class Attached implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final Process process;
  private final Path config;
  private final String run;
  private final Path said;

  private Attached(Process process, Path config, String run, Path said) {
    this.process = process;
    this.config = config;
    this.run = run;
    this.said = said;
  }

  /**
   * @param home of the CLI: there it writes what the SSH client is to know
   */
  static Attached start(Command attach, Path home, String run) {
    try {
      Path said = Files.createTempFile(home, "attach", ".txt");
      Path config = home.resolve(".dstack/ssh/config");
      // A client takes its host out again when it ends, some a moment after they said so.
      Await.until("nobody is attached to " + run, LIMIT, () -> !knows(config, run), () -> "");
      Process process =
          attach.builder().redirectErrorStream(true).redirectOutput(said.toFile()).start();
      return new Attached(process, config, run, said);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Until the SSH client knows the run by its name. */
  void awaitHost() {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (!knows(config, run)) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new AssertionError(run + " was not attached to: " + text());
      }
      Usage.over(Duration.ofMillis(2));
    }
  }

  private static boolean knows(Path config, String run) {
    try {
      return Files.exists(config)
          && Files.readString(config, StandardCharsets.ISO_8859_1)
              .lines()
              .anyMatch(line -> line.strip().equals("Host " + run));
    } catch (IOException e) {
      return false;
    }
  }

  String text() {
    try {
      return Files.readString(said);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** The SSH client as a person calls it. */
  Command ssh(String... arguments) {
    return new Command(List.of("ssh", "-F", config.toString()))
        .with(arguments)
        .env("HOME", config.getParent().getParent().getParent().toString());
  }

  /** The same for a container that has just started, whose SSH server comes up beside the job. */
  void awaitLogins() {
    Await.until(
        "one can log in to " + run,
        LIMIT,
        () -> ssh("-o", "BatchMode=yes", run, "true").run().exit() == 0,
        this::text);
  }

  /** Logs in on a terminal and waits for the shell to ask. */
  void awaitPrompt() throws IOException {
    Process login = ssh("-tt", "-o", "BatchMode=yes", run).builder().start();
    StringBuilder seen = new StringBuilder();
    try (InputStream out = login.getInputStream()) {
      while (seen.indexOf("#") < 0 && seen.indexOf("$") < 0) {
        int one = out.read();
        if (one < 0) {
          String why = new String(login.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
          throw new AssertionError("no prompt of " + run + ": " + seen + why);
        }
        seen.append((char) one);
      }
    } finally {
      login.destroy();
    }
  }

  /** What the client would use for the run, such as {@code identityfile}. */
  String option(String name) {
    return ssh("-G", run)
        .run()
        .ok()
        .out()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .map(line -> line.substring(name.length() + 1))
        .findFirst()
        .orElseThrow();
  }

  /** By Ctrl-C, as people do it: then the client takes back what it has set up. */
  @Override
  public void close() {
    new Command(List.of("kill", "-INT", Long.toString(process.pid()))).run();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroy);
        process.destroy();
        Await.until("the client has ended", Scene.LONG, () -> !process.isAlive(), this::text);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroy();
    }
  }
}
