package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class PsCommand implements Command {
  private static final int PAGE = 100;

  @Override
  public Spec spec() {
    return Spec.of("ps", "Lists unfinished runs, or the last one where all are finished.")
        .flag("All runs, the newest 100", "-a", "--all")
        .flag("With resources, instance types and errors", "-v", "--verbose")
        .flag("Keep the list up to date until Ctrl-C", "-w", "--watch")
        .number("N", "The last N runs, finished or not (1 to 100)", "-n", "--last")
        .oneOf(List.of("plain", "json"), "How to print", "--format")
        .flag("The same as --format json", "--json")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    boolean json = args.has("--json") || args.text("--format", "plain").equals("json");
    boolean verbose = args.has("--verbose");
    int last = args.positive("--last", 0);
    if (last > PAGE) {
      throw CliException.usage("--last is at most " + PAGE);
    }
    if (json && args.has("--watch")) {
      throw CliException.usage("--watch and JSON don't go together");
    }
    try (Session session = cli.session(args)) {
      if (args.has("--watch")) {
        return Watch.run(
            cli,
            () ->
                RunTable.of(
                    list(session, args.has("--all"), last), verbose, cli.clock().instant()));
      }
      List<Doc> runs = list(session, args.has("--all"), last);
      if (json) {
        Map<String, @Nullable Object> output = new LinkedHashMap<>();
        output.put("project", session.project());
        output.put("runs", runs);
        cli.terminal().line(JsonText.write(output));
      } else {
        cli.terminal().table(RunTable.of(runs, verbose, cli.clock().instant()));
      }
      return ExitCode.OK;
    }
  }

  private static List<Doc> list(Session session, boolean all, int last) {
    boolean onlyActive = !all && last == 0;
    List<Doc> runs = page(session, onlyActive, last == 0 ? PAGE : last);
    return onlyActive && runs.isEmpty() ? page(session, false, 1) : runs;
  }

  private static List<Doc> page(Session session, boolean onlyActive, int limit) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("project_name", session.project());
    body.put("only_active", onlyActive);
    body.put("include_jobs", true);
    body.put("job_submissions_limit", 1);
    body.put("limit", limit);
    body.put("ascending", false);
    return session.api().post("/api/runs/list", body).items();
  }
}
