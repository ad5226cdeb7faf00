package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.http.ServerUnreachableException;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import dev.dstack.cli.term.Times;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

final class EventCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("event", "Shows what happened, by whom, to what.")
        .child("list", "List events", ListAll::new)
        .defaultChild("list");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack event` has one command: list");
  }

  private static final class ListAll implements Command {
    private static final int PAGE = 100;
    private static final Duration PAUSE = Duration.ofSeconds(1);

    /**
     * An event that was written by a slow transaction comes after newer ones: they are looked for
     * this long.
     */
    private static final Duration LATE = Duration.ofSeconds(20);

    private static final List<String> KINDS =
        List.of("fleet", "run", "volume", "gateway", "secret");
    private static final List<String> HOLDERS = List.of("fleet", "run", "gateway");

    @Override
    public Spec spec() {
      Spec spec =
          Spec.of("list", "Lists events, the last 100 where nothing else is said.")
              .flag("Go on with new ones until Ctrl-C", "-w", "--watch")
              .text("TIME", "Only newer ones; 5m, 1d or 2026-01-31T12:00:00Z", "--since")
              .project()
              .group("Of what");
      for (String kind : KINDS) {
        spec.texts("NAME", "Events of this " + kind, "--target-" + kind);
      }
      for (String kind : HOLDERS) {
        spec.texts(
            "NAME", "Events of this " + kind + " and what belongs to it", "--within-" + kind);
      }
      return spec.texts("TYPE", "Only events of this type of thing", "--include-target-type")
          .onlyOne(KINDS.stream().map("--target-"::concat).toArray(String[]::new))
          .onlyOne(HOLDERS.stream().map("--within-"::concat).toArray(String[]::new));
    }

    @Override
    public int run(Args args, Cli cli) {
      String given = Runs.since(args, cli);
      Instant since = given == null ? null : Instant.parse(given);
      try (Session session = cli.session(args)) {
        Map<String, @Nullable Object> filters = filters(session, args);
        if (args.has("--watch")) {
          return watch(session, cli, filters, since);
        }
        List<Doc> events =
            since == null ? latest(session, filters) : since(session, filters, since);
        events.forEach(event -> print(cli.terminal(), session.project(), event));
        return ExitCode.OK;
      }
    }

    private static Map<String, @Nullable Object> filters(Session session, Args args) {
      Map<String, @Nullable Object> filters = new LinkedHashMap<>();
      boolean any = false;
      for (String relation : List.of("target", "within")) {
        for (String kind : relation.equals("target") ? KINDS : HOLDERS) {
          List<Object> ids = new ArrayList<>();
          for (String name : args.texts("--" + relation + "-" + kind)) {
            ids.add(id(session, kind, name));
          }
          if (!ids.isEmpty()) {
            filters.put(relation + "_" + kind + "s", ids);
            any = true;
          }
        }
      }
      if (!any) {
        Doc project = session.api().post("/api/projects/" + session.project() + "/get");
        filters.put("within_projects", List.of(project.get("project_id").text("")));
      }
      List<String> types = args.texts("--include-target-type");
      if (!types.isEmpty()) {
        filters.put("include_target_types", types);
      }
      return filters;
    }

    private static String id(Session session, String kind, String name) {
      if (kind.equals("run")) {
        return Runs.byName(session, name).get("id").text("");
      }
      if (kind.equals("fleet")) {
        return FleetCommand.get(session, name).get("id").text("");
      }
      try {
        return session.post("/" + kind + "s/get", Map.of("name", name)).get("id").text("");
      } catch (ApiException e) {
        throw e.isNotFound()
            ? CliException.failure(
                "There is no "
                    + kind
                    + " `"
                    + name
                    + "` in the project `"
                    + session.project()
                    + "`.")
            : e;
      }
    }

    private static List<Doc> latest(Session session, Map<String, @Nullable Object> filters) {
      return page(session, filters, null, null, false).reversed();
    }

    private static List<Doc> since(
        Session session, Map<String, @Nullable Object> filters, Instant since) {
      List<Doc> events = new ArrayList<>();
      String recordedAt = since.toString();
      String id = null;
      while (true) {
        List<Doc> page = page(session, filters, recordedAt, id, true);
        events.addAll(page);
        if (page.size() < PAGE) {
          return events;
        }
        recordedAt = page.getLast().get("recorded_at").text("");
        id = page.getLast().get("id").text("");
      }
    }

    private static List<Doc> page(
        Session session,
        Map<String, @Nullable Object> filters,
        @Nullable String recordedAt,
        @Nullable String id,
        boolean ascending) {
      Map<String, @Nullable Object> body = new LinkedHashMap<>(filters);
      body.put("prev_recorded_at", recordedAt);
      body.put("prev_id", id);
      body.put("limit", PAGE);
      body.put("ascending", ascending);
      return session.api().post("/api/events/list", body).items();
    }

    private static int watch(
        Session session, Cli cli, Map<String, @Nullable Object> filters, @Nullable Instant since) {
      CountDownLatch interrupted = new CountDownLatch(1);
      cli.interrupts().onInterrupt(interrupted::countDown);
      Map<String, Instant> seen = new LinkedHashMap<>();
      Instant newest = since == null ? Instant.EPOCH : since;
      boolean first = since == null;
      do {
        List<Doc> events;
        try {
          Instant from = newest.minus(LATE);
          events =
              first
                  ? latest(session, filters)
                  : since(session, filters, since != null && from.isBefore(since) ? since : from);
        } catch (ServerUnreachableException e) {
          if (seen.isEmpty()) {
            throw e;
          }
          continue;
        }
        first = false;
        for (Doc event : events) {
          Instant at = event.get("recorded_at").instant();
          if (seen.put(event.get("id").text(""), at == null ? newest : at) == null) {
            print(cli.terminal(), session.project(), event);
          }
          newest = at != null && at.isAfter(newest) ? at : newest;
        }
        Instant forgotten = newest.minus(LATE.multipliedBy(2));
        seen.values().removeIf(at -> at.isBefore(forgotten));
      } while (!ends(interrupted));
      return ExitCode.OK;
    }

    private static boolean ends(CountDownLatch interrupted) {
      try {
        return interrupted.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return true;
      }
    }

    /** One line each, whatever the width: people grep them. */
    private static void print(Terminal terminal, String project, Doc event) {
      Instant at = event.get("recorded_at").instant();
      StringBuilder line = new StringBuilder();
      line.append(terminal.styled("[" + (at == null ? "-" : Times.local(at)) + "]", Style.DIM));
      String actor = event.get("actor_user").text();
      if (actor != null) {
        line.append(' ').append(terminal.styled("[👤" + actor + "]", Style.CYAN));
      }
      List<String> targets = new ArrayList<>();
      for (Doc target : event.get("targets").items()) {
        String type = target.get("type").text("");
        String owner = target.get("project_name").text(project);
        String foreign = type.equals("project") || owner.equals(project) ? "" : owner + "/";
        targets.add(type + " " + foreign + target.get("name").text(""));
      }
      line.append(' ').append(terminal.styled("[" + String.join(", ", targets) + "]", Style.DIM));
      terminal.line(line.append(' ').append(event.get("message").text("")).toString());
    }
  }
}
