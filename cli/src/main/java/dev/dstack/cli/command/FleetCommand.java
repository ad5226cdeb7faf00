package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.FleetTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Table;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class FleetCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("fleet", "Shows fleets: where runs can be placed.")
        .child("list", "List fleets and their instances", ListAll::new)
        .child("get", "Show one fleet", Get::new)
        .defaultChild("list");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack fleet` has list and get");
  }

  private static final class ListAll implements Command {
    @Override
    public Spec spec() {
      return Spec.of("list", "Lists fleets and their instances.")
          .flag("Keep the list up to date until Ctrl-C", "-w", "--watch")
          .flag("With resources, drivers and errors", "-v", "--verbose")
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
      List<Doc> fleets = session.post("/fleets/list", Map.of("include_imported", true)).items();
      return FleetTable.of(fleets, session.project(), verbose, cli.clock().instant());
    }
  }

  private static final class Get implements Command {
    @Override
    public Spec spec() {
      return Spec.of("get", "Shows one fleet, found by its name or id.")
          .optionalPositional("NAME", "The fleet's name")
          .text("ID", "The fleet's id, instead of its name", "--id")
          .flag("As JSON", "--json")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.optionalPositional(0);
      String id = args.text("--id");
      if ((name == null) == (id == null)) {
        throw CliException.usage("Give either the name of a fleet or --id");
      }
      try (Session session = cli.session(args)) {
        Doc fleet = get(session, name, id);
        if (args.has("--json")) {
          cli.terminal().line(JsonText.pretty(fleet));
        } else {
          cli.terminal()
              .table(FleetTable.of(List.of(fleet), session.project(), true, cli.clock().instant()));
        }
        return ExitCode.OK;
      }
    }
  }

  static Doc get(Session session, @Nullable String name, @Nullable String id) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("name", name);
    body.put("id", id);
    try {
      return session.post("/fleets/get", body);
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
      throw CliException.failure(
          "There is no fleet `"
              + (name == null ? id : name)
              + "` in the project `"
              + session.project()
              + "`.\n`dstack fleet` lists the fleets there are.");
    }
  }
}
