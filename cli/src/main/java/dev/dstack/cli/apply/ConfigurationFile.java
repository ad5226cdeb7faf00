package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.Yaml;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@code *.dstack.yml}.
 *
 * @param directory what relative paths in it start from
 */
public record ConfigurationFile(String label, Path directory, Yaml yaml) {

  /**
   * @param option the path, {@code -} for standard input, null for {@code .dstack.yml}
   */
  public static ConfigurationFile read(@Nullable String option, Cli cli) {
    if ("-".equals(option)) {
      try {
        String text = new String(cli.terminal().input().readAllBytes(), StandardCharsets.UTF_8);
        return new ConfigurationFile("-", cli.cwd(), Yaml.parse("standard input", text));
      } catch (IOException e) {
        throw CliException.failure("Can't read standard input: " + e.getMessage(), e);
      }
    }
    Path path = option == null ? ownFile(cli.cwd()) : cli.cwd().resolve(option);
    if (Files.isDirectory(path)) {
      throw CliException.failure(path + " is a directory; -f takes a file.");
    }
    if (!Files.exists(path)) {
      throw CliException.failure(
          option == null
              ? "There is no .dstack.yml in "
                  + cli.cwd()
                  + ".\nName a configuration file with -f FILE."
              : "There is no file " + path + ".");
    }
    try {
      Path absolute = path.toAbsolutePath().normalize();
      String label =
          absolute.startsWith(cli.cwd())
              ? cli.cwd().relativize(absolute).toString()
              : absolute.toString();
      Path parent = absolute.getParent();
      return new ConfigurationFile(
          label, parent == null ? cli.cwd() : parent, Yaml.parse(label, Files.readString(path)));
    } catch (IOException e) {
      throw CliException.failure("Can't read " + path + ": " + e.getMessage(), e);
    }
  }

  private static Path ownFile(Path cwd) {
    Path yml = cwd.resolve(".dstack.yml");
    Path yaml = cwd.resolve(".dstack.yaml");
    return !Files.exists(yml) && Files.exists(yaml) ? yaml : yml;
  }

  public Doc root() {
    return yaml.root();
  }

  /**
   * @throws CliException when this is not the configuration of a run that this release can make
   */
  public void requireRun() {
    if (!root().isObject()) {
      throw at("type", "a configuration starts with `type: task`; this is none");
    }
    String type = root().get("type").text();
    if (type == null) {
      throw at("type", "`type` is missing; for a run of commands it is `type: task`");
    }
    switch (type) {
      case "task", "dev-environment" -> {}
      case "volume" -> throw at("type", "this is a volume, and a run is meant here");
      case "service" ->
          throw at(
              "type",
              "runs of type `service` are not in this release; `task` and `dev-environment` are");
      case "fleet", "gateway", "preset" ->
          throw at(
              "type",
              "configurations of type `"
                  + type
                  + "` can't be applied in this release; `task` and `dev-environment` can");
      default ->
          throw at(
              "type",
              "`"
                  + type
                  + "` is no type; there are task, service, dev-environment, fleet, volume and gateway");
    }
  }

  public boolean isVolume() {
    return root().isObject() && root().get("type").is("volume");
  }

  public CliException at(String field, String message) {
    return CliException.failure(place(List.of(field)) + message);
  }

  public boolean isDevEnvironment() {
    return root().get("type").is("dev-environment");
  }

  /** {@code file:line: }, with the path in front of the message. */
  public String place(List<Object> path) {
    Integer line = yaml.line(path);
    return yaml.file() + (line == null ? "" : ":" + line) + ": ";
  }
}
