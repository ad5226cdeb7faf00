package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.OfferTable;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Times;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A plan as a person decides on it. */
final class PlanView {
  private static final long DEFAULT_IDLE_SECONDS = 300;

  private PlanView() {}

  /**
   * @param refusals why nothing serves it; asked for only then
   */
  static void print(
      Cli cli, Doc plan, Supplier<List<Doc>> refusals, int maxOffers, boolean verbose) {
    Doc jobPlan = plan.get("job_plans").first();
    cli.terminal().properties(properties(plan, jobPlan, verbose));
    cli.terminal().line("");
    List<Doc> offers = jobPlan.get("offers").items();
    if (offers.isEmpty()) {
      none(cli, refusals.get());
    } else {
      OfferTable.print(
          cli.terminal(), offers.subList(0, Math.min(maxOffers, offers.size())), jobPlan, true);
    }
    cli.terminal().line("");
  }

  private static void none(Cli cli, List<Doc> refusals) {
    if (refusals.isEmpty()) {
      cli.terminal()
          .prose(
              "Nothing can serve this run now. Ask for less, or see with `dstack offer` and `dstack fleet` what"
                  + " there is.",
              Style.YELLOW);
      return;
    }
    cli.terminal().prose("Nothing can serve this run now:", Style.YELLOW);
    refusals.forEach(refusal -> cli.terminal().prose(2, refusal.text(""), Style.PLAIN));
    cli.terminal()
        .prose(
            "Ask for less, or see with `dstack offer` and `dstack fleet` what there is.",
            Style.PLAIN);
  }

  static Doc spec(Doc plan) {
    Doc effective = plan.get("effective_run_spec");
    return effective.isNull() ? plan.get("run_spec") : effective;
  }

  private static Map<String, String> properties(Doc plan, Doc jobPlan, boolean verbose) {
    Doc spec = spec(plan);
    Doc configuration = spec.get("configuration");
    Doc job = jobPlan.get("job_spec");
    Doc requirements = job.get("requirements");
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("Project", plan.get("project_name").text("-"));
    properties.put("User", plan.get("user").text("-"));
    String type = configuration.get("type").text("-");
    properties.put(
        "Type", type.equals("task") ? type + " (nodes=" + nodes(configuration) + ")" : type);
    properties.put("Resources", Formats.requirements(requirements.get("resources")));
    Doc spot = requirements.get("spot");
    properties.put("Spot policy", spot.isNull() ? "auto" : spot.truth() ? "spot" : "on-demand");
    Double maxPrice = requirements.get("max_price").number();
    properties.put("Max price", maxPrice == null ? "off" : Formats.price(maxPrice));
    properties.put("Retry policy", retry(job.get("retry")));
    String creation = setting(spec, "creation_policy").text("reuse-or-create");
    if (verbose || !creation.equals("reuse-or-create")) {
      properties.put("Creation policy", creation);
    }
    Doc idleSetting = setting(spec, "idle_duration");
    long idle = idleSetting.integer(DEFAULT_IDLE_SECONDS);
    boolean noLimit = idle < 0 || idleSetting.is("off");
    properties.put("Idle duration", noLimit ? "off" : Times.exact(idle));
    long maxDuration = job.get("max_duration").integer(0);
    properties.put("Max duration", maxDuration > 0 ? Times.exact(maxDuration) : "off");
    if (type.equals("dev-environment")) {
      long inactivity = configuration.get("inactivity_duration").integer(0);
      properties.put("Inactivity duration", inactivity > 0 ? Times.exact(inactivity) : "off");
    }
    String reservation = setting(spec, "reservation").text();
    if (verbose || reservation != null) {
      properties.put("Reservation", reservation == null ? "no" : reservation);
    }
    if (verbose) {
      properties.put("Priority", setting(spec, "priority").text("0"));
      Doc stop = job.get("stop_duration");
      properties.put("Stop duration", stop.isNull() ? "off" : Times.exact(stop.integer(0)));
    }
    return properties;
  }

  private static String nodes(Doc configuration) {
    List<Doc> groups = configuration.get("groups").items();
    return groups.isEmpty()
        ? configuration.get("nodes").text("1")
        : String.valueOf(groups.stream().mapToLong(group -> group.get("nodes").integer(1)).sum());
  }

  private static String retry(Doc retry) {
    if (!retry.isObject()) {
      return "off";
    }
    List<String> events =
        retry.get("on_events").items().stream().map(event -> event.text("")).toList();
    return Times.exact(retry.get("duration").integer(0)) + " [" + String.join(", ", events) + "]";
  }

  /** The configuration's, else the profile's. */
  private static Doc setting(Doc spec, String name) {
    Doc own = spec.get("configuration").get(name);
    return own.isNull() ? spec.get("profile").get(name) : own;
  }
}
