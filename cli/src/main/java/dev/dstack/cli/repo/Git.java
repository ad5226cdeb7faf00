package dev.dstack.cli.repo;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Programs;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The {@code git} command in a directory. It never asks anything. */
record Git(Path program, @Nullable Path directory, Map<String, String> env) {
  private static final long TIMEOUT_SECONDS = 60;

  static Git in(@Nullable Path directory, Map<String, String> env, Cli cli) {
    Path program = Programs.find("git", cli.env());
    if (program == null) {
      throw CliException.failure(
          "Git is not installed here.\n"
              + "Install it, or bring the files with `files` instead of a repo.");
    }
    return new Git(program, directory, env);
  }

  /** What it printed, without the last line end; null where it failed. */
  @Nullable String ask(String... words) {
    try {
      Process git = start(List.of(words));
      String text = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return ended(git) == 0 ? text.stripTrailing() : null;
    } catch (IOException e) {
      throw notThere(e);
    }
  }

  /**
   * Sends what it prints to a stream, byte by byte.
   *
   * @return its exit status
   */
  int pour(OutputStream out, String... words) throws IOException {
    Process git = start(List.of(words));
    try (InputStream in = git.getInputStream()) {
      in.transferTo(out);
    }
    return ended(git);
  }

  private Process start(List<String> words) throws IOException {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(words);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(Redirect.from(new File("/dev/null")))
            .redirectError(Redirect.DISCARD);
    if (directory != null) {
      builder.directory(directory.toFile());
    }
    builder.environment().put("GIT_TERMINAL_PROMPT", "0");
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().putAll(env);
    try {
      return builder.start();
    } catch (IOException e) {
      throw notThere(e);
    }
  }

  private static int ended(Process git) {
    try {
      if (git.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        return git.exitValue();
      }
      git.destroyForcibly();
      return -1;
    } catch (InterruptedException e) {
      git.destroyForcibly();
      Thread.currentThread().interrupt();
      return -1;
    }
  }

  private static CliException notThere(IOException e) {
    return CliException.failure("Git can't be started: " + e.getMessage(), e);
  }

  /** Text for a file that only its owner reads, gone with the process. */
  static Path secretFile(String text) throws IOException {
    Path file =
        Files.createTempFile(
            "dstack-git",
            "",
            java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
                java.nio.file.attribute.PosixFilePermissions.fromString("rw-------")));
    file.toFile().deleteOnExit();
    Files.writeString(file, text.endsWith("\n") ? text : text + "\n");
    return file;
  }
}
