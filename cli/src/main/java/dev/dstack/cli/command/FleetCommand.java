package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.FleetTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.StatusLine;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

final class FleetCommand implements Command {
  private static final Noun FLEET =
      new Noun(
          "fleet",
          "resources, drivers and errors",
          true,
          Map.of("include_imported", true),
          (fleets, session, verbose, cli) ->
              FleetTable.of(fleets, session.project(), verbose, cli.clock().instant()));

  @Override
  public Spec spec() {
    return FLEET
        .spec("Shows fleets: where runs can be placed.")
        .child("delete", "Delete a fleet or some of its instances", Delete::new);
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack fleet` has list, get and delete");
  }

  private static final class Delete implements Command {
    @Override
    public Spec spec() {
      return Spec.of("delete", "Deletes a fleet, or those of its instances that are named.")
          .positional("NAME", "The fleet's name")
          .texts("NUM", "Only the instance of this number; repeatable", "-i", "--instance")
          .flag("The machines are gone: don't try to end them", "--forget")
          .flag("Don't ask", "-y", "--yes")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.positional(0);
      List<Integer> numbers = args.texts("--instance").stream().map(Delete::number).toList();
      try (Session session = cli.session(args)) {
        return delete(session, name, numbers, args.has("--forget"), args, cli);
      }
    }

    private static Integer number(String text) {
      try {
        return Integer.valueOf(text);
      } catch (NumberFormatException e) {
        throw CliException.usage("-i `" + text + "` is no number of an instance");
      }
    }

    /** Until they are gone; Ctrl-C only stops watching. */
    private static void await(
        Session session, String name, List<Integer> numbers, Set<String> before, Cli cli) {
      CountDownLatch interrupted = new CountDownLatch(1);
      cli.interrupts().onInterrupt(interrupted::countDown);
      try (StatusLine status = new StatusLine(cli.terminal())) {
        while (true) {
          Set<String> there;
          try {
            there = ids(session.post("/fleets/get", Map.of("name", name)), numbers);
          } catch (ApiException e) {
            if (e.isNotFound()) {
              return;
            }
            throw e;
          }
          there.retainAll(before);
          if (!numbers.isEmpty() && there.isEmpty()) {
            return;
          }
          status.show("Deleting");
          if (interrupted.await(500, TimeUnit.MILLISECONDS)) {
            throw CliException.failure(
                "It goes on in the background. `dstack fleet` shows how far it is.");
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw CliException.failure("Interrupted.");
      }
    }

    /** An instance that is made in its place has another id. */
    private static Set<String> ids(Doc fleet, List<Integer> numbers) {
      Set<String> ids = new HashSet<>();
      for (Doc instance : fleet.get("instances").items()) {
        if (numbers.contains((int) instance.get("instance_num").integer(-1))) {
          ids.add(instance.get("id").text(""));
        }
      }
      return ids;
    }
  }

  static int delete(
      Session session, String name, List<Integer> numbers, boolean forget, Args args, Cli cli) {
    Doc fleet = get(session, name);
    requireInstances(fleet, name, numbers);
    Set<String> there = Delete.ids(fleet, numbers);
    String what =
        numbers.isEmpty()
            ? "the fleet " + name
            : "instance "
                + String.join(", ", numbers.stream().map(String::valueOf).toList())
                + " of the fleet "
                + name;
    if (!Confirm.ask(
        cli,
        args,
        forget
            ? "Forget the machines of "
                + what
                + "? Nobody ends them: what still runs goes on costing money."
            : "Delete " + what + "?")) {
      return ExitCode.FAILED;
    }
    if (forget) {
      session.post("/fleets/forget_instances", Map.of("name", name, "instance_nums", numbers));
    } else if (numbers.isEmpty()) {
      session.post("/fleets/delete", Map.of("names", List.of(name)));
    } else {
      session.post("/fleets/delete_instances", Map.of("name", name, "instance_nums", numbers));
    }
    Delete.await(session, name, numbers, there, cli);
    cli.terminal().line("Deleted: " + what);
    return ExitCode.OK;
  }

  /** Before anybody is asked whether to delete what is not there. */
  private static void requireInstances(Doc fleet, String name, List<Integer> numbers) {
    List<Integer> there =
        fleet.get("instances").items().stream()
            .map(instance -> (int) instance.get("instance_num").integer(-1))
            .sorted()
            .distinct()
            .toList();
    for (Integer number : numbers) {
      if (!there.contains(number)) {
        throw CliException.failure(
            "The fleet "
                + name
                + " has no instance "
                + number
                + (there.isEmpty()
                    ? ", nor any other."
                    : "; it has "
                        + String.join(", ", there.stream().map(String::valueOf).toList())
                        + "."));
      }
    }
  }

  static Doc get(Session session, String name) {
    return FLEET.get(session, name);
  }
}
