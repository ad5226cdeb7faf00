package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Our CLI as shipped, with a home directory that knows one server. */
public final class Cli {
  private final Path home;
  private final Path directory;

  /** With the configuration file that {@code dstack project add} would have written. */
  public Cli(Path home, URI server, String project, String token) {
    this.home = home;
    this.directory = home.resolve("work");
    try {
      Files.createDirectories(directory);
      Path config = home.resolve(".dstack/config.yml");
      if (!Files.exists(config)) {
        Files.createDirectories(config.getParent());
        Files.writeString(
            config,
            """
            projects:
            - name: %s
              url: %s
              token: %s
              default: true
            """
                .formatted(project, server.toString().replaceAll("/$", ""), token));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where its commands run and their files are. */
  public Path directory() {
    return directory;
  }

  public Path file(String name, String text) {
    try {
      Path file = directory.resolve(name);
      Files.createDirectories(file.getParent());
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Command command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Repository.java().toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Duser.home=" + home,
                "-cp",
                Repository.classPath("cli"),
                "dev.dstack.cli.Main"));
    command.addAll(List.of(arguments));
    return new Command(command)
        .env("HOME", home.toString())
        .env("COLUMNS", "160")
        .env("NO_COLOR", "1")
        .in(directory);
  }

  public Command.Result run(String... arguments) {
    return command(arguments).run();
  }
}
