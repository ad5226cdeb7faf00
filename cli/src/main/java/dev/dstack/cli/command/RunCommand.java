package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class RunCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("run", "Everything about one run.").child("get", "Show a run", Get::new);
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack run` has one command: get");
  }

  /** The body of {@code runs/get}. */
  static Map<String, @Nullable Object> named(@Nullable String name, @Nullable String id) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_name", name);
    body.put("id", id);
    return body;
  }

  private static final class Get implements Command {
    @Override
    public Spec spec() {
      return Spec.of("get", "Shows a run, found by its name or id.")
          .optionalPositional("NAME", "The run's name")
          .text("ID", "The run's id, instead of its name", "--id")
          .flag("As JSON", "--json")
          .project();
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.optionalPositional(0);
      String id = args.text("--id");
      if ((name == null) == (id == null)) {
        throw CliException.usage("Give either the name of a run or --id");
      }
      try (Session session = cli.session(args)) {
        Doc run =
            Runs.get(session, named(id == null ? name : null, id), name == null ? "" + id : name);
        if (args.has("--json")) {
          cli.terminal().line(JsonText.pretty(run));
        } else {
          cli.terminal().properties(properties(run, cli.clock().instant()));
        }
        return ExitCode.OK;
      }
    }

    private static Map<String, String> properties(Doc run, Instant now) {
      Doc latest = run.get("latest_job_submission");
      Doc provisioning = latest.get("job_provisioning_data");
      Map<String, String> properties = new LinkedHashMap<>();
      properties.put("Name", run.at("run_spec", "run_name").text("-"));
      properties.put("Id", run.get("id").text("-"));
      properties.put("Project", run.get("project_name").text("-"));
      properties.put("User", run.get("user").text("-"));
      properties.put("Type", run.at("run_spec", "configuration", "type").text("-"));
      properties.put("Status", RunTable.status(run));
      properties.put("Submitted", submitted(run, now));
      properties.put("Fleet", run.at("fleet", "name").text("-"));
      properties.put(
          "Backend", Formats.backend(provisioning.get("backend"), provisioning.get("region")));
      properties.put(
          "Resources",
          provisioning.isNull()
              ? "-"
              : Formats.resources(provisioning.at("instance_type", "resources")));
      properties.put("Cost", Formats.price(run.get("cost").number()));
      addIfTold(properties, "Reason", run.get("termination_reason"));
      addIfTold(
          properties, "Error", run.get("error").isNull() ? latest.get("error") : run.get("error"));
      addIfTold(properties, "Message", latest.get("termination_reason_message"));
      addIfTold(properties, "Exit status", latest.get("exit_status"));
      return properties;
    }

    private static String submitted(Doc run, Instant now) {
      Instant at = run.get("submitted_at").instant();
      return at == null ? "-" : Times.local(at) + " (" + Times.ago(at, now) + ")";
    }

    private static void addIfTold(Map<String, String> properties, String name, Doc value) {
      String text = value.text();
      if (text != null && !text.isEmpty()) {
        properties.put(name, text);
      }
    }
  }
}
