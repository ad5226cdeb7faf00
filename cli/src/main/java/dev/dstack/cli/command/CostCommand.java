package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.run.CostTable;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class CostCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("cost", "Shows what the project's capacity cost, by prices of its offers.")
        .text("TIME", "From when on; 12h, 7d or 2026-01-31T12:00:00Z; 30 days otherwise", "--since")
        .text("TIME", "Until when; now otherwise", "--until")
        .flag("As JSON", "--json")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    Map<String, @Nullable Object> period = new LinkedHashMap<>();
    period.put("since", Runs.time(args, cli, "--since"));
    period.put("until", Runs.time(args, cli, "--until"));
    try (Session session = cli.session(args)) {
      Doc costs = session.post("/costs/get", period);
      if (args.has("--json")) {
        cli.terminal().line(JsonText.pretty(costs));
        return ExitCode.OK;
      }
      cli.terminal().properties(properties(costs));
      cli.terminal().line("");
      if (costs.get("instances").get("items").items().isEmpty()
          && costs.get("volumes").get("items").items().isEmpty()) {
        cli.terminal().prose("Nothing was paid for in this time.", Style.DIM);
        return ExitCode.OK;
      }
      cli.terminal().table(CostTable.of(costs, cli.clock().instant()));
    }
    return ExitCode.OK;
  }

  private static Map<String, String> properties(Doc costs) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("Project", costs.get("project_name").text("-"));
    properties.put("From", time(costs.get("since")));
    properties.put("To", time(costs.get("until")));
    properties.put("Cost", Formats.price(costs.get("total").number()));
    properties.put("Instances", Formats.price(costs.at("instances", "cost").number()));
    properties.put("Volumes", Formats.price(costs.at("volumes", "cost").number()));
    properties.put("Used by runs", Formats.price(costs.at("runs", "cost").number()));
    return properties;
  }

  private static String time(Doc time) {
    Instant at = time.instant();
    return at == null ? "-" : Times.local(at);
  }
}
