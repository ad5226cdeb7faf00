package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.ConfigurationFile;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import java.util.List;
import java.util.Map;

final class DeleteCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("delete", "Deletes the finished run that is named, or whose file is given.")
        .optionalPositional("RUN", "The run's name, instead of a file")
        .text("FILE", "The configuration file; .dstack.yml otherwise", "-f", "--file")
        .flag("Don't ask", "-y", "--yes")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    String given = args.optionalPositional(0);
    if (given != null && args.has("--file")) {
      throw CliException.usage("Give either a run or --file");
    }
    if (given == null) {
      ConfigurationFile file = ConfigurationFile.read(args.text("--file"), cli);
      if (file.isVolume()) {
        try (Session session = cli.session(args)) {
          return VolumeCommand.delete(session, named(file, "volume"), args, cli);
        }
      }
      if (file.root().get("type").is("fleet")) {
        try (Session session = cli.session(args)) {
          return FleetCommand.delete(session, named(file, "fleet"), List.of(), false, args, cli);
        }
      }
      file.requireRun();
      return run(named(file, "run"), args, cli);
    }
    return run(given, args, cli);
  }

  private static int run(String name, Args args, Cli cli) {
    try (Session session = cli.session(args)) {
      Doc run = Runs.byName(session, name);
      if (!RunTable.isFinal(run)) {
        throw CliException.failure(
            "The run "
                + name
                + " is "
                + RunTable.status(run)
                + ".\nStop it first: `dstack stop "
                + name
                + "`.");
      }
      if (!Confirm.ask(cli, args, "Delete the run " + name + "?")) {
        return ExitCode.FAILED;
      }
      session.post("/runs/delete", Map.of("runs_names", List.of(name)));
      cli.terminal().line("The run " + name + " is deleted");
      return ExitCode.OK;
    }
  }

  private static String named(ConfigurationFile file, String what) {
    String name = file.root().get("name").text();
    if (name == null) {
      throw CliException.failure(
          file.label() + " has no `name`, so it says of no " + what + " to delete.");
    }
    return name;
  }
}
