package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.StatusLine;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class StopCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("stop", "Asks a run to stop; its commands get time to end.")
        .positional("RUN", "The run's name")
        .flag("End it at once, without time for its commands", "-x", "--abort")
        .flag("Don't ask", "-y", "--yes")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    String name = args.positional(0);
    boolean abort = args.has("--abort");
    try (Session session = cli.session(args)) {
      Doc run = Runs.byName(session, name);
      if (RunTable.isFinal(run)) {
        cli.terminal().line("The run " + name + " has ended already: " + RunTable.status(run));
        return ExitCode.OK;
      }
      if (!Confirm.ask(cli, args, (abort ? "Abort" : "Stop") + " the run " + name + "?")) {
        return ExitCode.FAILED;
      }
      try (StatusLine status = new StatusLine(cli.terminal())) {
        if (cli.terminal().interactiveOutput()) {
          status.show(abort ? "Aborting…" : "Stopping…");
        }
        stop(session, name, abort);
      }
      cli.terminal().line(abort ? "Aborted" : "Stopped");
      return ExitCode.OK;
    }
  }

  /** Hands the request over; the server sees it through. */
  static void stop(Session session, String name, boolean abort) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("runs_names", List.of(name));
    body.put("abort", abort);
    session.post("/runs/stop", body);
  }
}
