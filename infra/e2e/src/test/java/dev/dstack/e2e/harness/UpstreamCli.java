package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Upstream's CLI and Python client from PyPI, in a home directory of their own. */
public final class UpstreamCli {
  private final Path home;

  public UpstreamCli(Path parent) {
    try {
      home = Files.createDirectories(parent.resolve("upstream-home"));
      Files.createDirectories(home.resolve("work"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path file(String name, String text) {
    try {
      return Files.writeString(home.resolve("work").resolve(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Command command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Repository.venv().resolve("bin/dstack").toString());
    command.addAll(List.of(arguments));
    return environment(new Command(command));
  }

  public Command.Result run(String... arguments) {
    return command(arguments).run();
  }

  /** A script of src/test/python in the same home. */
  public Command script(String name, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Repository.python().toString());
    command.add(Repository.script(name).toString());
    command.addAll(List.of(arguments));
    return environment(new Command(command));
  }

  private Command environment(Command command) {
    return command
        .env("HOME", home.toString())
        .env("COLUMNS", "200")
        .env("NO_COLOR", "1")
        .in(home.resolve("work"));
  }
}
