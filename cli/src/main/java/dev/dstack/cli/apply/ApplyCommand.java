package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code dstack apply}. */
public final class ApplyCommand implements Command {
  private static final int SHOWN_OFFERS = 3;

  @Override
  public Spec spec() {
    Spec spec =
        Spec.of("apply", "Submits the run of a configuration file and follows it to its end.")
            .text("FILE", "The file, - for standard input; .dstack.yml otherwise", "-f", "--file")
            .flag("Don't ask", "-y", "--yes")
            .flag("Submit again even where nothing changed", "--force")
            .flag("Submit and don't follow", "-d", "--detach")
            .flag("Show all properties of the plan", "-v", "--verbose")
            .text("NAME", "The run's name", "-n", "--name")
            .texts("NAME[=VALUE]", "A variable of the run; repeatable", "-e", "--env")
            .number("N", "How many offers to show; 3 otherwise", "--max-offers")
            .flag("Whole offers, not cut to the request", "--full-offers")
            .flag("Only what is not taken", "--unallocated")
            .project()
            .rest("RUN_ARGS", "What run.args stands for in `commands`; after --")
            .footer(
                "",
                "Ctrl-C asks whether to stop the run; once more aborts it. Without a terminal, or with -y, it",
                "only detaches. Exit codes: 0 the run is done, 1 it is not, 130 Ctrl-C.");
    return PlanOptions.addTo(spec);
  }

  @Override
  public int run(Args args, Cli cli) {
    ConfigurationFile file = ConfigurationFile.read(args.text("--file"), cli);
    file.requireRun();
    int maxOffers = args.positive("--max-offers", SHOWN_OFFERS);
    Map<String, @Nullable Object> configuration = configuration(file, args, cli);
    try (Session session = cli.session(args)) {
      Map<String, @Nullable Object> spec = runSpec(file, configuration, args, cli, session);
      Doc plan = plan(file, spec, maxOffers, args, cli, session);
      PlanView.print(cli, plan, maxOffers, args.has("--verbose"));
      return decideAndSubmit(plan, args, cli, session);
    }
  }

  /** The file with everything filled in that only this machine knows. */
  private static Map<String, @Nullable Object> configuration(
      ConfigurationFile file, Args args, Cli cli) {
    Map<String, @Nullable Object> configuration = new LinkedHashMap<>();
    file.root().fields().forEach((field, value) -> configuration.put(field, value.value()));
    String name = args.text("--name");
    if (name != null) {
      configuration.put("name", name);
    }
    String workingDir = file.root().get("working_dir").text();
    if (workingDir != null && !workingDir.startsWith("/")) {
      throw file.at("working_dir", "working_dir: `" + workingDir + "` must be absolute");
    }
    PlanOptions.override(configuration, args);
    Map<String, String> env = EnvValues.resolve(file, args.texts("--env"), cli.env());
    configuration.put("env", env);
    interpolate(file, configuration, env, args.rest(0));
    return configuration;
  }

  private static void interpolate(
      ConfigurationFile file,
      Map<String, @Nullable Object> configuration,
      Map<String, String> env,
      List<String> runArgs) {
    Map<String, String> values = Map.of("run.args", Interpolation.quoted(runArgs));
    Doc commands = file.root().get("commands");
    if (commands.isList()) {
      List<@Nullable Object> filled = new ArrayList<>();
      int index = 0;
      for (Doc command : commands.items()) {
        String where = file.place(List.of("commands", index++)) + "commands: ";
        filled.add(
            command.value() instanceof String text
                ? Interpolation.fill(text, values, where)
                : command.value());
      }
      configuration.put("commands", filled);
    }
    Doc auth = file.root().get("registry_auth");
    if (auth.isObject()) {
      Map<String, String> variables = new LinkedHashMap<>();
      env.forEach((name, value) -> variables.put("env." + name, value));
      Map<String, @Nullable Object> filled = new LinkedHashMap<>();
      auth.fields()
          .forEach(
              (field, value) -> {
                String where = file.place(List.of("registry_auth", field)) + "registry_auth: ";
                filled.put(
                    field,
                    value.value() instanceof String text
                        ? Interpolation.fill(text, variables, where)
                        : value.value());
              });
      configuration.put("registry_auth", filled);
    }
  }

  private static Map<String, @Nullable Object> runSpec(
      ConfigurationFile file,
      Map<String, @Nullable Object> configuration,
      Args args,
      Cli cli,
      Session session) {
    Map<String, @Nullable Object> virtual = Map.of("repo_type", "virtual");
    Map<String, @Nullable Object> repo = new LinkedHashMap<>();
    repo.put("repo_id", "none");
    repo.put("repo_info", virtual);
    repo.put("repo_creds", null);
    Map<String, @Nullable Object> profile = PlanOptions.profile(args, cli);
    session.post("/repos/init", repo);
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("run_name", configuration.get("name"));
    spec.put("repo_id", "none");
    spec.put("repo_data", virtual);
    spec.put("file_archives", FileUploads.upload(file, session, cli));
    spec.put("configuration_path", file.label());
    spec.put("configuration", configuration);
    spec.put("profile", profile);
    return spec;
  }

  private static Doc plan(
      ConfigurationFile file,
      Map<String, @Nullable Object> spec,
      int maxOffers,
      Args args,
      Cli cli,
      Session session) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_spec", spec);
    body.put("max_offers", maxOffers);
    body.put("full_offers", args.has("--full-offers"));
    body.put("unallocated_resources", args.has("--unallocated"));
    body.put("for_offers_only", false);
    try (StatusLine status = new StatusLine(cli.terminal())) {
      if (cli.terminal().interactiveOutput()) {
        status.show("Planning");
      }
      return session.post("/runs/get_plan", body);
    } catch (ApiException e) {
      throw FileProblems.shown(e, file);
    }
  }

  private static int decideAndSubmit(Doc plan, Args args, Cli cli, Session session) {
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
    return submit(plan, update && !override, args, cli, session);
  }

  private static int submit(Doc plan, boolean update, Args args, Cli cli, Session session) {
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
    if (args.has("--detach")) {
      cli.terminal()
          .prose(
              "The run "
                  + name
                  + " is "
                  + (update ? "changed" : "submitted")
                  + ". `dstack logs "
                  + name
                  + "` follows it.",
              Style.PLAIN);
      return ExitCode.OK;
    }
    cli.terminal().line("The run " + name + " is " + (update ? "changed" : "submitted"), Style.DIM);
    return RunFollower.toTheEnd(cli, session, run, args.has("--yes")).follow();
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
