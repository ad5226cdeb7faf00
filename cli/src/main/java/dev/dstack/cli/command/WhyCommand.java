package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class WhyCommand implements Command {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  @Override
  public Spec spec() {
    return Spec.of("why", "Tells what a run waits for, what was tried, and why it was refused.")
        .positional("RUN", "The run's name")
        .flag("Print JSON", "--json")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    Terminal terminal = cli.terminal();
    try (Session session = cli.session(args)) {
      Doc why =
          Runs.ask(
              session, "/runs/why", Map.of("run_name", args.positional(0)), args.positional(0));
      if (args.has("--json")) {
        terminal.line(JsonText.write(why.value()));
        return ExitCode.OK;
      }
      properties(terminal, why);
      if (!why.get("now").items().isEmpty()) {
        terminal.line("");
        terminal.line("Now", Style.BOLD);
        why.get("now").items().forEach(fleet -> fleet(terminal, fleet));
      }
      String summary = why.get("summary").text("");
      for (Doc attempt : why.get("attempts").items()) {
        attempt(terminal, attempt, summary);
      }
      refusals(terminal, why);
    }
    return ExitCode.OK;
  }

  private static void properties(Terminal terminal, Doc why) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("Run", why.get("run_name").text("-"));
    properties.put("Status", why.get("status").text("-"));
    properties.put("It", why.get("summary").text("-"));
    String waiting = why.get("waiting_for").text();
    if (waiting != null) {
      properties.put("Waits for", waiting);
    }
    put(properties, "Next attempt", why.get("next_attempt_at"));
    put(properties, "Gives up", why.get("gives_up_at"));
    terminal.properties(properties);
  }

  private static void put(Map<String, String> properties, String name, Doc time) {
    Instant at = time.instant();
    if (at != null) {
      long seconds = Math.max(0, Duration.between(Instant.now(), at).toSeconds());
      properties.put(name, time(at) + " (in " + span(seconds) + ")");
    }
  }

  private static String span(long seconds) {
    if (seconds < 120) {
      return seconds + " s";
    }
    return seconds < 7_200 ? seconds / 60 + " min" : seconds / 3_600 + " h";
  }

  private static String time(@Nullable Instant at) {
    return at == null ? "-" : TIME.format(at.atZone(ZoneId.systemDefault()));
  }

  private static void attempt(Terminal terminal, Doc attempt, String summary) {
    terminal.line("");
    terminal.line(
        "Attempt "
            + (attempt.get("submission_num").integer(0) + 1)
            + ", replica "
            + attempt.get("replica_num").text("0")
            + ", "
            + time(attempt.get("asked_at").instant()),
        Style.BOLD);
    attempt.get("fleets").items().forEach(fleet -> fleet(terminal, fleet));
    for (Doc job : attempt.get("jobs").items()) {
      String instance = job.get("instance").text();
      String reason = job.get("reason").text();
      // Said above already, once for all jobs.
      boolean isSaid = reason == null || summary.contains(reason);
      terminal.prose(
          2,
          "job "
              + job.get("job_num").text("0")
              + ": "
              + job.get("status").text("-")
              + (instance == null ? "" : " on " + instance)
              + (isSaid ? "" : " (" + reason + ")"),
          Style.PLAIN);
    }
  }

  private static void fleet(Terminal terminal, Doc fleet) {
    String words = fleet.get("words").text();
    String outcome =
        switch (fleet.get("outcome").text("")) {
          case "granted" -> "had what was asked for";
          case "refused" -> "refused";
          case "queued" -> words == null ? "put it into its queue" : "waits for " + words;
          case "creating" -> words == null ? "makes an instance for it" : "waits for " + words;
          default -> fleet.get("outcome").text("-");
        };
    terminal.prose(2, "fleet " + fleet.get("name").text("-") + ": " + outcome, Style.PLAIN);
    refused(terminal, fleet.get("refusals").items());
  }

  private static void refusals(Terminal terminal, Doc why) {
    List<Doc> left = why.get("left_out").items();
    if (!left.isEmpty()) {
      terminal.line("");
      terminal.line("Not asked", Style.BOLD);
      refused(terminal, left);
    }
  }

  private static void refused(Terminal terminal, List<Doc> refusals) {
    for (Doc refusal : refusals) {
      terminal.prose(
          4, refusal.get("what").text("-") + ": " + refusal.get("why").text("-"), Style.DIM);
    }
  }
}
