package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.attach.PortsLock;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.repo.RunRepo;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From a plan to a run: what becomes of one that is there, the question, and the submission. */
record Submission(Cli cli, Session session, Args args, Attachment.Options attach, RunRepo repo) {

  int decide(Doc plan) {
    Terminal terminal = cli.terminal();
    Doc present = plan.get("current_resource");
    String name = plan.get("run_spec").get("run_name").text();
    boolean isActive = !present.isNull() && !RunTable.isFinal(present);
    boolean update = isActive && plan.get("action").is("update");
    String question = name == null ? "Submit the run?" : "Submit the run " + name + "?";
    boolean override = false;
    if (isActive) {
      List<String> changes = SpecDiff.lines(present.get("run_spec"), PlanView.spec(plan));
      String running = "The run " + name + " is " + RunTable.status(present);
      if (changes.isEmpty()) {
        terminal.prose(running + ", and nothing changed.", Style.PLAIN);
        if (args.has("--yes") && !args.has("--force")) {
          terminal.prose("Nothing to do; --force submits it again all the same.", Style.PLAIN);
          return ExitCode.OK;
        }
        override = true;
        question = "Stop it and submit it again?";
      } else {
        terminal.prose(
            running
                + (update
                    ? ". These changes can be made while it runs:"
                    : ". These changes need it to be stopped first:"),
            Style.PLAIN);
        changes.forEach(change -> terminal.line("  - " + change));
        override = !update;
        question = update ? "Change the run?" : "Stop it and submit the changed one?";
      }
    }
    if (!Confirm.ask(cli, args, question)) {
      return ExitCode.FAILED;
    }
    if (override && name != null) {
      new OldRun(cli, session).end(name);
    }
    return submit(plan, update && !override);
  }

  private int submit(Doc plan, boolean update) {
    boolean detach = args.has("--detach");
    Doc job = plan.get("job_plans").first().get("job_spec");
    // Before the run starts: it would be a pity to learn later that a port is taken here. That of a
    // run that is there already may be in use by another terminal that is attached to it.
    PortsLock ports = detach || update ? null : PortsLock.forJob(job, attach.overrides());
    try {
      repo.upload(session, cli);
      Map<String, @Nullable Object> input = new LinkedHashMap<>();
      input.put("run_spec", plan.get("run_spec").value());
      input.put("current_resource", plan.get("current_resource").value());
      Map<String, @Nullable Object> body = new LinkedHashMap<>();
      body.put("plan", input);
      body.put("force", false);
      // Not on the connection that idled while the question was answered: this call must not be
      // repeated.
      Doc run = session.api().postOnce(session.path("/runs/apply"), body);
      String name = run.at("run_spec", "run_name").text("-");
      String what = update ? "changed" : "submitted";
      if (detach) {
        cli.terminal()
            .prose(
                "The run " + name + " is " + what + ". `dstack attach " + name + "` leads to it.",
                Style.PLAIN);
        return ExitCode.OK;
      }
      cli.terminal().line("The run " + name + " is " + what, Style.DIM);
      RunFollower.Options options = RunFollower.Options.apply(args.has("--yes"), attach, ports);
      return new RunFollower(cli, session, run, options).follow();
    } finally {
      if (ports != null) {
        ports.close();
      }
    }
  }

  /** A run that gives way to a new one of its name. */
  private record OldRun(Cli cli, Session session) {
    void end(String name) {
      Map<String, @Nullable Object> stop = new LinkedHashMap<>();
      stop.put("runs_names", List.of(name));
      stop.put("abort", false);
      session.post("/runs/stop", stop);
      Map<String, @Nullable Object> get = new LinkedHashMap<>();
      get.put("run_name", name);
      get.put("id", null);
      try (StatusLine status = new StatusLine(cli.terminal())) {
        status.show("Stopping " + name);
        while (!isGone(get)) {
          try {
            Thread.sleep(200);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliException.failure("Interrupted while waiting for " + name + " to stop.");
          }
        }
      }
    }

    private boolean isGone(Map<String, @Nullable Object> get) {
      try {
        return RunTable.isFinal(session.post("/runs/get", get));
      } catch (ApiException e) {
        if (e.isNotFound()) {
          return true;
        }
        throw e;
      }
    }
  }
}
