package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.PlanOptions;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.OfferTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class OfferCommand implements Command {
  private static final List<Object> CONFIGURATION = List.of("run_spec", "configuration");
  private static final List<String> GROUPS = List.of("gpu", "backend", "region", "count");

  @Override
  public Spec spec() {
    Spec spec =
        Spec.of("offer", "Lists what could serve a run, without submitting one.")
            .oneOf(List.of("plain", "json"), "How to print", "--format")
            .flag("The same as --format json", "--json")
            .texts(
                "FIELD",
                "Group by gpu, and further by backend, region or count; several with commas",
                "--group-by")
            .number("N", "How many offers to show; 50 otherwise", "--max-offers")
            .flag("Whole offers, not cut to the request", "--full-offers")
            .flag("Only what is not taken", "--unallocated")
            .project();
    return PlanOptions.addTo(spec);
  }

  @Override
  public int run(Args args, Cli cli) {
    List<String> groups = groups(args.texts("--group-by"));
    boolean json = args.has("--json") || args.text("--format", "plain").equals("json");
    Map<String, @Nullable Object> spec = runSpec(args, cli);
    try (Session session = cli.session(args)) {
      return groups.isEmpty()
          ? offers(session, args, cli, spec, json)
          : gpus(session, args, cli, spec, groups, json);
    }
  }

  private static List<String> groups(List<String> given) {
    List<String> groups = new ArrayList<>();
    for (String word : given) {
      for (String group : word.split(",", -1)) {
        if (!GROUPS.contains(group.strip())) {
          throw CliException.usage(
              "--group-by takes " + String.join(", ", GROUPS) + ", not `" + group + "`");
        }
        groups.add(group.strip());
      }
    }
    if (!groups.isEmpty() && !groups.contains("gpu")) {
      throw CliException.usage("--group-by " + String.join(",", groups) + " needs gpu as well");
    }
    if (groups.contains("region") && !groups.contains("backend")) {
      throw CliException.usage("--group-by region needs backend as well");
    }
    return groups;
  }

  /** A task that asks for nothing; "scratch" tells the server that no image is meant. */
  private static Map<String, @Nullable Object> runSpec(Args args, Cli cli) {
    Map<String, @Nullable Object> resources = new LinkedHashMap<>();
    resources.put("cpu", Map.of("count", Map.of("min", 1)));
    resources.put("memory", Map.of("min", 0));
    resources.put("gpu", Map.of("count", Map.of("min", 0)));
    resources.put("disk", null);
    Map<String, @Nullable Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "task");
    configuration.put("commands", List.of(":"));
    configuration.put("image", "scratch");
    configuration.put("user", "root");
    configuration.put("resources", resources);
    PlanOptions.override(configuration, args);
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("configuration", configuration);
    spec.put("profile", PlanOptions.profile(args, cli));
    return spec;
  }

  private static int offers(
      Session session, Args args, Cli cli, Map<String, @Nullable Object> spec, boolean json) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_spec", spec);
    body.put("max_offers", args.positive("--max-offers", 50));
    body.put("full_offers", args.has("--full-offers"));
    body.put("unallocated_resources", args.has("--unallocated"));
    body.put("for_offers_only", true);
    Doc plan = ask(session, "/runs/get_plan", body);
    Doc jobPlan = plan.get("job_plans").first();
    Doc requirements = jobPlan.at("job_spec", "requirements");
    if (json) {
      Map<String, @Nullable Object> output = new LinkedHashMap<>();
      output.put("project", plan.get("project_name").value());
      output.put("user", plan.get("user").value());
      output.put("requirements", requirements(requirements));
      output.put("offers", jobPlan.get("offers").value());
      output.put("total_offers", jobPlan.get("total_offers").value());
      cli.terminal().line(JsonText.write(output));
      return ExitCode.OK;
    }
    header(cli, session, requirements, List.of());
    List<Doc> offers = jobPlan.get("offers").items();
    if (offers.isEmpty()) {
      cli.terminal()
          .prose(
              "Nothing can serve this request. Ask for less, or see `dstack fleet`.", Style.YELLOW);
      return ExitCode.OK;
    }
    OfferTable.print(cli.terminal(), offers, jobPlan, false);
    PriceAge.print(cli, session, offers.stream().map(offer -> offer.get("backend")).toList());
    return ExitCode.OK;
  }

  private static int gpus(
      Session session,
      Args args,
      Cli cli,
      Map<String, @Nullable Object> spec,
      List<String> groups,
      boolean json) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_spec", spec);
    body.put("group_by", groups.stream().filter(group -> !group.equals("gpu")).toList());
    body.put("full_offers", args.has("--full-offers"));
    body.put("unallocated_resources", args.has("--unallocated"));
    Doc answer = ask(session, "/gpus/list", body);
    Doc configuration = Doc.of(spec).get("configuration");
    if (json) {
      Map<String, @Nullable Object> output = new LinkedHashMap<>();
      output.put("project", session.project());
      output.put("requirements", requirements(configuration));
      output.put("group_by", groups);
      output.put("gpus", answer.get("gpus").value());
      cli.terminal().line(JsonText.write(output));
      return ExitCode.OK;
    }
    header(cli, session, configuration, groups);
    List<Doc> gpus = answer.get("gpus").items();
    cli.terminal().table(gpuTable(gpus, groups));
    List<Doc> backends = new ArrayList<>();
    for (Doc gpu : gpus) {
      backends.add(gpu.get("backend"));
      backends.addAll(gpu.get("backends").items());
    }
    PriceAge.print(cli, session, backends);
    return ExitCode.OK;
  }

  /** Nobody has written a configuration here: its fields are what the options say. */
  private static Doc ask(Session session, String path, Map<String, @Nullable Object> body) {
    try {
      return session.post(path, body);
    } catch (ApiException e) {
      List<String> lines = new ArrayList<>();
      for (ApiException.Problem problem : e.problems()) {
        List<Object> place = problem.location();
        if (place.size() < 3 || !place.subList(0, 2).equals(CONFIGURATION)) {
          throw e;
        }
        lines.add(
            place.get(place.get(2).equals("resources") ? place.size() - 1 : 2)
                + ": "
                + problem.message());
      }
      throw lines.isEmpty() ? e : CliException.failure(String.join("\n", lines));
    }
  }

  private static Table gpuTable(List<Doc> gpus, List<String> groups) {
    Table table = new Table().column("#").column("GPU").column("SPOT", Fit.WRAP).column("$/GPU");
    boolean perBackend = groups.contains("backend");
    boolean perRegion = groups.contains("region");
    table.column(perBackend ? "BACKEND" : "BACKENDS", Fit.WRAP);
    table.column(perRegion ? "REGION" : "REGIONS", Fit.WRAP).column("");
    int number = 0;
    for (Doc gpu : gpus) {
      number++;
      String memory = Formats.gigabytes(gpu.get("memory_mib"));
      List<String> availability =
          gpu.get("availability").items().stream().map(Formats::availability).distinct().toList();
      table.row(
          Cell.dim(String.valueOf(number)),
          Cell.of(
              gpu.get("name").text("-") + ":" + memory + ":" + Formats.range(gpu.get("count"), "")),
          Cell.dim(joined(gpu.get("spot"))),
          Cell.dim(Formats.range(gpu.get("price"), "")),
          Cell.dim(gpu.get("backend").text(joined(gpu.get("backends")))),
          Cell.dim(gpu.get("region").text(joined(gpu.get("regions")))),
          Cell.dim(availability.contains("") ? "" : String.join(", ", availability)));
    }
    return table;
  }

  private static void header(Cli cli, Session session, Doc requirements, List<String> groups) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("Project", session.project());
    properties.put("Resources", Formats.requirements(requirements.get("resources")));
    properties.put("Spot policy", spotPolicy(requirements));
    Double price = requirements.get("max_price").number();
    properties.put("Max price", price == null ? "off" : Formats.price(price));
    if (!groups.isEmpty()) {
      properties.put("Group by", String.join(", ", groups));
    }
    cli.terminal().properties(properties);
    cli.terminal().line("");
  }

  private static String spotPolicy(Doc requirements) {
    String policy = requirements.get("spot_policy").text();
    if (policy != null) {
      return policy;
    }
    Doc spot = requirements.get("spot");
    return spot.isNull() ? "auto" : spot.truth() ? "spot" : "on-demand";
  }

  private static Map<String, @Nullable Object> requirements(Doc from) {
    Map<String, @Nullable Object> requirements = new LinkedHashMap<>();
    requirements.put("resources", from.get("resources").value());
    requirements.put("max_price", from.get("max_price").value());
    String policy = from.get("spot_policy").text();
    requirements.put(
        "spot",
        policy == null
            ? from.get("spot").value()
            : policy.equals("auto") ? null : (Boolean) policy.equals("spot"));
    requirements.put("reservation", from.get("reservation").value());
    return requirements;
  }

  private static String joined(Doc list) {
    return String.join(", ", list.items().stream().map(item -> item.text("")).toList());
  }
}
