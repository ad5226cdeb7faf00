package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.config.ClientConfig;
import dev.dstack.cli.config.ProjectEntry;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Terminal;

/** The form of {@code project add} that older dstack had, still in many people's scripts. */
final class ConfigCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of(
            "config",
            "Adds a project as `dstack project add` does; without options tells where the file is.")
        .text("NAME", "The project's name; main otherwise", "--project")
        .text("URL", "The server's URL", "--url")
        .text("TOKEN", "Your token", "--token")
        .flag("Make it the default without asking", "-y", "--yes")
        .flag("Don't make it the default", "-n", "--no")
        .onlyOne("--yes", "--no");
  }

  @Override
  public int run(Args args, Cli cli) {
    if (args.has("--url") && args.has("--token")) {
      return ProjectCommand.add(
          cli,
          args.text("--project", "main"),
          args.text("--url", ""),
          args.text("--token", ""),
          args.has("--yes"),
          args.has("--no"));
    }
    if (args.has("--url") || args.has("--token") || args.has("--project")) {
      throw dev.dstack.cli.CliException.usage("--url and --token are needed together");
    }
    Terminal terminal = cli.terminal();
    ClientConfig config = ClientConfig.load(cli.configFile());
    terminal.line("Configuration: " + config.file());
    terminal.line(
        config
            .defaultProject()
            .map(ProjectEntry::toString)
            .map("Default project: "::concat)
            .orElse("No default project"));
    return ExitCode.OK;
  }
}
