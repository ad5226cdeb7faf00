package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.attach.PortMapping;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.repo.RunRepo;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
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
        Spec.of(
                "apply",
                "Submits the run of a configuration file, and stays attached to it to its end.")
            .text("FILE", "The file, - for standard input; .dstack.yml otherwise", "-f", "--file")
            .flag("Don't ask", "-y", "--yes")
            .flag("Submit again even where nothing changed", "--force")
            .flag("Submit and don't attach", "-d", "--detach")
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
    spec.group("Connection")
        .texts("MAP", "PORT, LOCAL:PORT or *:PORT to forward; repeatable", "-p", "--port")
        .text("ADDRESS", "Where forwarded ports listen; localhost otherwise", "--host")
        .text("FILE", "A private key, instead of the one the server keeps", "--ssh-identity");
    return PlanOptions.addTo(RepoOptions.addTo(spec));
  }

  @Override
  public int run(Args args, Cli cli) {
    ConfigurationFile file = ConfigurationFile.read(args.text("--file"), cli);
    if (file.root().get("type").is("fleet")) {
      try (Session session = cli.session(args)) {
        return new FleetApply(cli, args, session, file)
            .run(args.positive("--max-offers", SHOWN_OFFERS));
      }
    }
    if (file.root().get("type").is("volume")) {
      try (Session session = cli.session(args)) {
        return new VolumeApply(cli, args, session, file).run();
      }
    }
    file.requireRun();
    int maxOffers = args.positive("--max-offers", SHOWN_OFFERS);
    AttachOptions attach = AttachOptions.of(args, cli, List.of());
    Map<String, @Nullable Object> configuration = configuration(file, args, cli);
    RunRepo.Request wanted = RepoOptions.of(file, args, cli);
    try (Session session = cli.session(args);
        RunRepo repo = wanted == null ? RunRepo.none(session) : RunRepo.of(wanted, session, cli)) {
      Map<String, @Nullable Object> spec =
          runSpec(file, configuration, repo, attach.publicKey(cli), args, cli, session);
      Doc plan = plan(file, spec, maxOffers, args, cli, session);
      PlanView.print(cli, plan, () -> refusals(spec, session), maxOffers, args.has("--verbose"));
      return new Submission(cli, session, args, attach.attachment(), repo).decide(plan);
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
    ports(file, configuration, args);
    ideVersion(file, configuration, cli);
    Map<String, String> env = EnvValues.resolve(file, args.texts("--env"), cli.env());
    configuration.put("env", env);
    interpolate(file, configuration, env, args.rest(0));
    return configuration;
  }

  private static void ports(
      ConfigurationFile file, Map<String, @Nullable Object> configuration, Args args) {
    List<PortMapping> given = PortMapping.options(args.texts("--port"));
    if (given.isEmpty()) {
      return;
    }
    List<PortMapping> written = new ArrayList<>();
    int index = 0;
    for (Doc item : file.root().get("ports").items()) {
      PortMapping mapping = PortMapping.of(item);
      if (mapping == null) {
        throw CliException.failure(
            file.place(List.of("ports", index))
                + "ports: expected PORT, LOCAL:PORT or *:PORT, each from 1 to 65535");
      }
      written.add(mapping);
      index++;
    }
    configuration.put(
        "ports", PortMapping.merged(written, given).stream().map(PortMapping::json).toList());
  }

  /** The server part of the IDE must be of the version that is installed here. */
  private static void ideVersion(
      ConfigurationFile file, Map<String, @Nullable Object> configuration, Cli cli) {
    String ide = file.root().get("ide").text();
    if (!file.isDevEnvironment() || ide == null || !file.root().get("version").isNull()) {
      return;
    }
    String version = IdeVersion.find(ide, cli.env());
    if (version != null) {
      configuration.put("version", version);
    } else if (!ide.equals("zed")) {
      cli.terminal()
          .prose(
              "The version of "
                  + ide
                  + " on this machine can't be found out, so its server part is installed when it"
                  + " first connects. `version` says it; so does a `"
                  + (ide.equals("vscode") ? "code" : ide)
                  + "` command in the path.",
              Style.DIM);
    }
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
      RunRepo repo,
      @Nullable String publicKey,
      Args args,
      Cli cli,
      Session session) {
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("run_name", configuration.get("name"));
    spec.put("repo_id", repo.id());
    spec.put("repo_data", repo.data());
    spec.put("repo_code_hash", repo.codeHash());
    spec.put("repo_dir", RepoOptions.target(file));
    spec.put("file_archives", FileUploads.upload(file, session, cli));
    spec.put("configuration_path", file.label());
    spec.put("configuration", configuration);
    spec.put("profile", PlanOptions.profile(args, cli));
    spec.put("ssh_key_pub", publicKey);
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

  /** Empty where the server does not tell, as dstack's own does not. */
  private static List<Doc> refusals(Map<String, @Nullable Object> spec, Session session) {
    try {
      return session
          .post("/runs/get_plan_refusals", Map.of("run_spec", spec))
          .get("refusals")
          .items();
    } catch (ApiException e) {
      if (e.status() == 404) {
        return List.of();
      }
      throw e;
    }
  }
}
