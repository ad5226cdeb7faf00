package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Programs;
import java.io.Console;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Opens a private key that takes a passphrase. The server logs in when nobody is there to type it,
 * so it gets the key without, and keeps it encrypted in its own way. The file itself stays as it
 * is.
 */
final class KeyPassphrase {
  /** For where nobody can be asked. */
  static final String VARIABLE = "DSTACK_IDENTITY_PASSPHRASE";

  private static final int SECONDS = 30;

  private final Cli cli;

  KeyPassphrase(Cli cli) {
    this.cli = cli;
  }

  record Opened(String publicPart, String privatePart) {}

  Opened open(Path file) {
    Path program = Programs.find("ssh-keygen", cli.env());
    if (program == null) {
      throw CliException.failure(
          "identity_file: "
              + file
              + " is protected by a passphrase, and there is no ssh-keygen in the path that could"
              + " open it.");
    }
    String passphrase = passphrase(file);
    Path directory = null;
    try {
      // Nobody else may look into a new temporary directory.
      directory = Files.createTempDirectory("dstack-key-");
      Path copy = directory.resolve("key");
      Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-------"));
      // Neither in arguments, which all may see, nor in a file.
      Path answer = directory.resolve("answer");
      Files.writeString(answer, "#!/bin/sh\nprintf '%s\\n' \"$" + VARIABLE + "\"\n");
      Files.setPosixFilePermissions(answer, PosixFilePermissions.fromString("rwx------"));
      Map<String, String> env =
          Map.of(
              "SSH_ASKPASS",
              answer.toString(),
              "SSH_ASKPASS_REQUIRE",
              "force",
              "DISPLAY",
              ":0",
              VARIABLE,
              passphrase);
      run(file, env, List.of(program.toString(), "-p", "-N", "", "-f", copy.toString()));
      String publicPart = run(file, env, List.of(program.toString(), "-y", "-f", copy.toString()));
      return new Opened(publicPart, Files.readString(copy));
    } catch (IOException e) {
      throw CliException.failure("identity_file: " + file + " can't be opened: " + e, e);
    } finally {
      if (directory != null) {
        delete(directory);
      }
    }
  }

  private String passphrase(Path file) {
    String given = cli.env().get(VARIABLE);
    if (given != null) {
      return given;
    }
    Console console = cli.terminal().interactiveInput() ? System.console() : null;
    char @Nullable [] typed =
        console == null || !console.isTerminal()
            ? null
            : console.readPassword("Passphrase of %s: ", file);
    if (typed == null) {
      throw CliException.failure(
          "identity_file: "
              + file
              + " is protected by a passphrase, and nobody can be asked for it here: set "
              + VARIABLE
              + ".");
    }
    return new String(typed);
  }

  private static String run(Path file, Map<String, String> env, List<String> command)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(env);
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      String out =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw CliException.failure(
            "identity_file: "
                + file
                + " could not be opened; is the passphrase right? "
                + out.lines().reduce((_, last) -> last).orElse(""));
      }
      return out;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CliException.failure("Interrupted while reading " + file + ".");
    } finally {
      process.destroyForcibly();
    }
  }

  private static void delete(Path directory) {
    try {
      for (String name : List.of("key", "key.pub", "answer")) {
        Files.deleteIfExists(directory.resolve(name));
      }
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw new UncheckedIOException("An open copy of a key is left in " + directory + ".", e);
    }
  }
}
