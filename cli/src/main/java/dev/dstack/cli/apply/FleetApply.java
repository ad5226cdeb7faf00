package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.FleetTable;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.OfferTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Times;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code dstack apply} of a fleet: made, changed in place, or deleted and made again. */
final class FleetApply {
  private static final long PAUSE_MILLIS = 500;

  private final Cli cli;
  private final Args args;
  private final Session session;
  private final ConfigurationFile file;

  FleetApply(Cli cli, Args args, Session session, ConfigurationFile file) {
    this.cli = cli;
    this.args = args;
    this.session = session;
    this.file = file;
  }

  int run(int maxOffers) {
    Map<String, @Nullable Object> spec = spec();
    Doc plan = plan(spec);
    print(plan, maxOffers);
    Doc current = plan.get("current_resource");
    boolean again = false;
    if (current.isNull()) {
      String name = Doc.of(spec).at("configuration", "name").text();
      if (!confirm("Create the fleet" + (name == null ? "" : " " + name) + "?")) {
        return ExitCode.FAILED;
      }
    } else {
      String name = current.get("name").text("-");
      List<String> changes = changes(current, plan);
      if (changes.isEmpty() && !args.has("--force")) {
        cli.terminal().line("The fleet " + name + " is there already, and nothing changed.");
        return ExitCode.OK;
      }
      changes.forEach(line -> cli.terminal().line("  " + line));
      again = !plan.get("action").is("update");
      if (!confirm(
          again
              ? "The fleet " + name + " can't take this over. Delete it and make it again?"
              : "Update the fleet " + name + "?")) {
        return ExitCode.FAILED;
      }
      if (again) {
        delete(name);
      }
    }
    Doc fleet = apply(spec, again ? Doc.NULL : current);
    String name = fleet.get("name").text("-");
    if (args.has("--detach")) {
      cli.terminal().line("The fleet " + name + " is applied. `dstack fleet` shows it.");
      return ExitCode.OK;
    }
    return await(name);
  }

  private boolean confirm(String question) {
    return Confirm.ask(cli, args, question);
  }

  private Map<String, @Nullable Object> spec() {
    Map<String, @Nullable Object> configuration = new LinkedHashMap<>();
    file.root().fields().forEach((field, value) -> configuration.put(field, value.value()));
    String name = args.text("--name");
    if (name != null) {
      configuration.put("name", name);
    }
    configuration.put("env", EnvValues.resolve(file, args.texts("--env"), cli.env()));
    if (file.root().get("ssh_config").isObject()) {
      configuration.put("ssh_config", new HostKeys(cli).fill(file.root().get("ssh_config")));
    }
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("configuration", configuration);
    spec.put("configuration_path", file.label());
    spec.put("profile", PlanOptions.profile(args, cli));
    return spec;
  }

  private Doc plan(Map<String, @Nullable Object> spec) {
    try (StatusLine status = new StatusLine(cli.terminal())) {
      if (cli.terminal().interactiveOutput()) {
        status.show("Planning");
      }
      return session.post("/fleets/get_plan", Map.of("spec", spec));
    } catch (ApiException e) {
      throw FileProblems.shown(e, file);
    }
  }

  private void print(Doc plan, int maxOffers) {
    Doc spec = plan.get("effective_spec").isNull() ? plan.get("spec") : plan.get("effective_spec");
    Doc configuration = spec.get("configuration");
    boolean ssh = !configuration.get("ssh_config").isNull();
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("Project", plan.get("project_name").text("-"));
    properties.put("User", plan.get("user").text("-"));
    properties.put("Configuration", file.label());
    properties.put("Type", "fleet");
    properties.put("Fleet type", ssh ? "ssh" : "backend");
    properties.put(
        "Nodes",
        ssh
            ? String.valueOf(configuration.at("ssh_config", "hosts").items().size())
            : Formats.range(configuration.get("nodes"), ""));
    properties.put("Placement", configuration.get("placement").text("any"));
    if (!configuration.get("blocks").text("1").equals("1")) {
      properties.put("Blocks", configuration.get("blocks").text("1"));
    }
    if (!ssh) {
      Doc resources = configuration.get("resources");
      properties.put("Resources", resources.isNull() ? "any" : Formats.requirements(resources));
      properties.put("Spot policy", configuration.get("spot_policy").text("on-demand"));
      Double price = configuration.get("max_price").number();
      properties.put("Max price", price == null ? "off" : Formats.price(price));
      Doc idle = configuration.get("idle_duration");
      long seconds = idle.integer(72 * 3600);
      properties.put("Idle duration", seconds < 0 ? "off" : Times.exact(seconds));
    }
    cli.terminal().properties(properties);
    cli.terminal().line("");
    List<Doc> offers = plan.get("offers").items();
    if (!offers.isEmpty()) {
      OfferTable.print(
          cli.terminal(), offers.subList(0, Math.min(maxOffers, offers.size())), plan, true);
      cli.terminal().line("");
    } else if (!ssh) {
      cli.terminal()
          .prose(
              "No backend offers such machines now. `dstack offer` shows what there is.",
              Style.YELLOW);
      cli.terminal().line("");
    }
  }

  /** Keys are not compared: the server gives none out. */
  private static List<String> changes(Doc current, Doc plan) {
    return SpecDiff.lines(
        withoutKeys(current.get("spec")),
        withoutKeys(
            plan.get("effective_spec").isNull() ? plan.get("spec") : plan.get("effective_spec")));
  }

  private static Doc withoutKeys(Doc spec) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    spec.fields()
        .forEach(
            (field, value) -> {
              if (!field.equals("configuration_path") && !field.equals("autocreated")) {
                all.put(field, bare(value));
              }
            });
    return Doc.of(all);
  }

  private static @Nullable Object bare(Doc value) {
    if (value.isObject()) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      value
          .fields()
          .forEach(
              (field, inner) -> {
                if (!field.equals("ssh_key") && !field.equals("env")) {
                  fields.put(field, bare(inner));
                }
              });
      return fields;
    }
    return value.isList() ? value.items().stream().map(FleetApply::bare).toList() : value.value();
  }

  private Doc apply(Map<String, @Nullable Object> spec, Doc current) {
    Map<String, @Nullable Object> input = new LinkedHashMap<>();
    input.put("spec", spec);
    input.put("current_resource", current.value());
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("plan", input);
    body.put("force", args.has("--force"));
    try {
      return session.api().postOnce(session.path("/fleets/apply"), body);
    } catch (ApiException e) {
      throw FileProblems.shown(e, file);
    }
  }

  private void delete(String name) {
    session.post("/fleets/delete", Map.of("names", List.of(name)));
    try (StatusLine status = new StatusLine(cli.terminal())) {
      status.show("Deleting " + name);
      while (get(name) != null) {
        if (ends(new CountDownLatch(1))) {
          throw CliException.failure("Interrupted while waiting for the end of " + name + ".");
        }
      }
    }
  }

  /** Until what has been asked for is there, or has failed; Ctrl-C only stops watching. */
  private int await(String name) {
    CountDownLatch interrupted = new CountDownLatch(1);
    cli.interrupts().onInterrupt(interrupted::countDown);
    Doc fleet = get(name);
    try (StatusLine status = new StatusLine(cli.terminal())) {
      while (fleet != null && !settled(fleet)) {
        status.show("Waiting for the instances of " + name, fleet.get("status_message").text(""));
        if (ends(interrupted)) {
          break;
        }
        fleet = get(name);
      }
    }
    if (fleet == null) {
      throw CliException.failure("The fleet " + name + " has been deleted meanwhile.");
    }
    cli.terminal()
        .table(FleetTable.of(List.of(fleet), session.project(), true, cli.clock().instant()));
    boolean failed =
        fleet.get("status").is("failed") || !fleet.get("status_message").text("").isEmpty();
    return failed ? ExitCode.FAILED : ExitCode.OK;
  }

  private static boolean settled(Doc fleet) {
    if (fleet.get("status").is("failed") || !fleet.get("status_message").text("").isEmpty()) {
      return true;
    }
    Doc configuration = fleet.at("spec", "configuration");
    Doc nodes = configuration.get("nodes");
    long wanted =
        configuration.get("ssh_config").isNull()
            ? nodes.get("target").integer(nodes.get("min").integer(0))
            : configuration.at("ssh_config", "hosts").items().size();
    // One that is being ended may be in the way of the one that takes its place, or may have
    // failed:
    // then the fleet says soon why.
    List<Doc> instances =
        fleet.get("instances").items().stream()
            .filter(one -> !one.get("status").is("terminating"))
            .toList();
    boolean enough =
        configuration.get("ssh_config").isNull()
            ? instances.size() >= wanted
            : instances.size() == wanted;
    return !fleet.get("status").is("submitted")
        && enough
        && instances.stream()
            .noneMatch(
                one -> one.get("status").is("pending") || one.get("status").is("provisioning"));
  }

  private @Nullable Doc get(String name) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("name", name);
    body.put("id", null);
    try {
      return session.post("/fleets/get", body);
    } catch (ApiException e) {
      if (e.isNotFound()) {
        return null;
      }
      throw e;
    }
  }

  private static boolean ends(CountDownLatch interrupted) {
    try {
      return interrupted.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }
}
