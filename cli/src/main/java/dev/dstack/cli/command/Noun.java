package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Table;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Things of a project that are listed and shown, such as fleets.
 *
 * @param word one of them, with small letters; its endpoints and command are named by it
 * @param details what {@code -v} adds to the list
 * @param hasId whether one can be asked for by its id, too
 * @param listing the body that asks for all of them
 */
record Noun(
    String word,
    String details,
    boolean hasId,
    @Nullable Map<String, @Nullable Object> listing,
    Rows rows) {

  interface Rows {
    Table table(List<Doc> things, Session session, boolean verbose, Cli cli);
  }

  /** The command with its {@code list} and {@code get}; more can be added. */
  Spec spec(String about) {
    return Spec.of(word, about)
        .child("list", "List " + word + "s", () -> new ListAll(this))
        .child("get", "Show one " + word, () -> new Get(this))
        .defaultChild("list");
  }

  Doc get(Session session, String name) {
    return get(session, "name", name);
  }

  private Doc get(Session session, String field, String value) {
    try {
      return session.post("/" + word + "s/get", Map.of(field, value));
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
      throw CliException.failure(
          "There is no %1$s `%2$s` in the project `%3$s`.\n`dstack %1$s` lists the %1$ss there are."
              .formatted(word, value, session.project()));
    }
  }

  private record ListAll(Noun noun) implements Command {
    @Override
    public Spec spec() {
      return Spec.of("list", "Lists " + noun.word + "s.")
          .flag("Keep the list up to date until Ctrl-C", "-w", "--watch")
          .flag("With " + noun.details, "-v", "--verbose")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      try (Session session = cli.session(args)) {
        if (args.has("--watch")) {
          return Watch.run(cli, () -> table(session, args, cli));
        }
        cli.terminal().table(table(session, args, cli));
        return ExitCode.OK;
      }
    }

    private Table table(Session session, Args args, Cli cli) {
      List<Doc> all = session.post("/" + noun.word + "s/list", noun.listing).items();
      return noun.rows.table(all, session, args.has("--verbose"), cli);
    }
  }

  private record Get(Noun noun) implements Command {
    @Override
    public Spec spec() {
      String about = "The " + noun.word + "'s name";
      Spec spec =
          noun.hasId
              ? Spec.of("get", "Shows one " + noun.word + ", found by its name or id.")
                  .optionalPositional("NAME", about)
                  .text("ID", "The " + noun.word + "'s id, instead of its name", "--id")
              : Spec.of("get", "Shows one " + noun.word + ".").positional("NAME", about);
      return spec.flag("As JSON", "--json").project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.optionalPositional(0);
      String id = noun.hasId ? args.text("--id") : null;
      if ((name == null) == (id == null)) {
        throw CliException.usage("Give either the name of a " + noun.word + " or --id");
      }
      try (Session session = cli.session(args)) {
        Doc thing =
            id == null ? noun.get(session, args.positional(0)) : noun.get(session, "id", id);
        if (args.has("--json")) {
          cli.terminal().line(JsonText.pretty(thing));
        } else {
          cli.terminal().table(noun.rows.table(List.of(thing), session, true, cli));
        }
        return ExitCode.OK;
      }
    }
  }
}
