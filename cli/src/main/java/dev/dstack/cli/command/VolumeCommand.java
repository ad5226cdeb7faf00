package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.run.VolumeTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import java.util.List;
import java.util.Map;

final class VolumeCommand implements Command {
  private static final Noun VOLUME =
      new Noun(
          "volume",
          "regions, instances and errors",
          false,
          null,
          (volumes, _, verbose, cli) -> VolumeTable.of(volumes, verbose, cli.clock().instant()));

  @Override
  public Spec spec() {
    return VOLUME
        .spec("Shows volumes and deletes them; `dstack apply` makes them.")
        .child("delete", "Delete a volume", Delete::new);
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack volume` has list, get and delete");
  }

  private static final class Delete implements Command {
    @Override
    public Spec spec() {
      return Spec.of("delete", "Deletes a volume with all that is in it.")
          .positional("NAME", "The volume's name")
          .flag("Don't ask", "-y", "--yes")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      try (Session session = cli.session(args)) {
        return delete(session, args.positional(0), args, cli);
      }
    }
  }

  static int delete(Session session, String name, Args args, Cli cli) {
    VOLUME.get(session, name);
    if (!Confirm.ask(cli, args, "Delete the volume " + name + "?")) {
      return ExitCode.FAILED;
    }
    session.post("/volumes/delete", Map.of("names", List.of(name)));
    cli.terminal().line("The volume " + name + " is being deleted");
    return ExitCode.OK;
  }
}
