package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import java.util.List;
import java.util.Map;

final class SecretCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("secret", "Manages the secrets of a project.")
        .child("list", "List the names of secrets", ListAll::new)
        .child("get", "Show a secret with its value", Get::new)
        .child("set", "Add a secret or change its value", Set::new)
        .child("delete", "Delete a secret", Delete::new)
        .defaultChild("list");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack secret` has list, get, set and delete");
  }

  private static Table table(List<Doc> secrets) {
    Table table = new Table().column("NAME").column("VALUE", Fit.WRAP);
    for (Doc secret : secrets) {
      table.row(Cell.of(secret.get("name").text("-")), Cell.of(secret.get("value").text("******")));
    }
    return table;
  }

  private static CliException unknown(String name, Session session) {
    return CliException.failure(
        "There is no secret `" + name + "` in the project `" + session.project() + "`.");
  }

  private static final class ListAll implements Command {
    @Override
    public Spec spec() {
      return Spec.of("list", "Lists the names of secrets.").project();
    }

    @Override
    public int run(Args args, Cli cli) {
      try (Session session = cli.session(args)) {
        cli.terminal().table(table(session.post("/secrets/list", null).items()));
        return ExitCode.OK;
      }
    }
  }

  private static final class Get implements Command {
    @Override
    public Spec spec() {
      return Spec.of("get", "Shows a secret with its value.")
          .positional("NAME", "The secret's name")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.positional(0);
      try (Session session = cli.session(args)) {
        Doc secret = session.post("/secrets/get", Map.of("name", name));
        cli.terminal().table(table(List.of(secret)));
        return ExitCode.OK;
      } catch (ApiException e) {
        throw e.isNotFound() ? unknown(name, cli.session(args)) : e;
      }
    }
  }

  private static final class Set implements Command {
    @Override
    public Spec spec() {
      return Spec.of("set", "Adds a secret or changes its value.")
          .positional("NAME", "The secret's name")
          .positional(
              "VALUE",
              "Its value; - reads it from standard input, where `ps` of others can't see it")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String value = args.positional(1);
      if (value.equals("-")) {
        String line = cli.terminal().readLine();
        if (line == null) {
          throw CliException.failure("Standard input has no value for the secret.");
        }
        value = line;
      }
      try (Session session = cli.session(args)) {
        session.post(
            "/secrets/create_or_update", Map.of("name", args.positional(0), "value", value));
        cli.terminal().line("OK");
        return ExitCode.OK;
      }
    }
  }

  private static final class Delete implements Command {
    @Override
    public Spec spec() {
      return Spec.of("delete", "Deletes a secret.")
          .positional("NAME", "The secret's name")
          .flag("Don't ask", "-y", "--yes")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.positional(0);
      if (!Confirm.ask(cli, args, "Delete the secret " + name + "?")) {
        return ExitCode.FAILED;
      }
      try (Session session = cli.session(args)) {
        session.post("/secrets/delete", Map.of("secrets_names", List.of(name)));
        cli.terminal().line("OK");
        return ExitCode.OK;
      } catch (ApiException e) {
        throw e.isNotFound() ? unknown(name, cli.session(args)) : e;
      }
    }
  }
}
