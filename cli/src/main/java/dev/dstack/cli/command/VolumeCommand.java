package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.VolumeTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Table;
import java.util.List;
import java.util.Map;

final class VolumeCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("volume", "Shows volumes and deletes them; `dstack apply` makes them.")
        .child("list", "List volumes", ListAll::new)
        .child("get", "Show one volume", Get::new)
        .child("delete", "Delete a volume", Delete::new)
        .defaultChild("list");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack volume` has list, get and delete");
  }

  private static final class ListAll implements Command {
    @Override
    public Spec spec() {
      return Spec.of("list", "Lists volumes.")
          .flag("Keep the list up to date until Ctrl-C", "-w", "--watch")
          .flag("With regions, instances and errors", "-v", "--verbose")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      try (Session session = cli.session(args)) {
        boolean verbose = args.has("--verbose");
        if (args.has("--watch")) {
          return Watch.run(cli, () -> table(session, verbose, cli));
        }
        cli.terminal().table(table(session, verbose, cli));
        return ExitCode.OK;
      }
    }

    private static Table table(Session session, boolean verbose, Cli cli) {
      return VolumeTable.of(
          session.post("/volumes/list", null).items(), verbose, cli.clock().instant());
    }
  }

  private static final class Get implements Command {
    @Override
    public Spec spec() {
      return Spec.of("get", "Shows one volume.")
          .positional("NAME", "The volume's name")
          .flag("As JSON", "--json")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      try (Session session = cli.session(args)) {
        Doc volume = byName(session, args.positional(0));
        if (args.has("--json")) {
          cli.terminal().line(JsonText.pretty(volume));
        } else {
          cli.terminal().table(VolumeTable.of(List.of(volume), true, cli.clock().instant()));
        }
        return ExitCode.OK;
      }
    }
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
      String name = args.positional(0);
      try (Session session = cli.session(args)) {
        byName(session, name);
        if (!Confirm.ask(cli, args, "Delete the volume " + name + "?")) {
          return ExitCode.FAILED;
        }
        session.post("/volumes/delete", Map.of("names", List.of(name)));
        cli.terminal().line("The volume " + name + " is being deleted");
        return ExitCode.OK;
      }
    }
  }

  private static Doc byName(Session session, String name) {
    try {
      return session.post("/volumes/get", Map.of("name", name));
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
      throw CliException.failure(
          "There is no volume `"
              + name
              + "` in the project `"
              + session.project()
              + "`.\n`dstack volume` lists the volumes there are.");
    }
  }
}
