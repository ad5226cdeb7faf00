package dev.dstack.cli;

import dev.dstack.cli.config.Connection;
import dev.dstack.cli.config.ProjectEntry;
import dev.dstack.cli.http.ApiClient;
import dev.dstack.cli.http.ServerAddress;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.term.Terminal;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;

/**
 * What a command finds around it.
 *
 * @param home the person's directory, with {@code .dstack} in it
 */
public record Cli(
    Terminal terminal,
    Map<String, String> env,
    Path home,
    Path cwd,
    Clock clock,
    Interrupts interrupts) {

  public Path dstackHome() {
    return home.resolve(".dstack");
  }

  public Path configFile() {
    return dstackHome().resolve("config.yml");
  }

  /** The project the options and the environment name. */
  public Session session(Args args) {
    ProjectEntry project = Connection.choose(args.text("--project"), env, configFile());
    return new Session(
        project.name(), new ApiClient(ServerAddress.parse(project.url()), project.token()));
  }
}
