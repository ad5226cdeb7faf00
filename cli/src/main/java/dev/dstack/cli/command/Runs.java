package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.Jobs;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finding runs. */
public final class Runs {
  private Runs() {}

  public static Doc get(Session session, Map<String, @Nullable Object> body, String shown) {
    return ask(session, "/runs/get", body, shown);
  }

  /** What the server says of one run. */
  static Doc ask(Session session, String path, Map<String, @Nullable Object> body, String shown) {
    try {
      return session.post(path, body);
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
      throw CliException.failure(
          "There is no run `"
              + shown
              + "` in the project `"
              + session.project()
              + "`.\n`dstack ps -a` lists the runs there are.");
    }
  }

  /** Refuses a job that the run does not have. */
  static void requireJob(Doc run, String name, @Nullable Integer replica, int job) {
    if (Jobs.find(run, replica, job).isNull() && (replica != null || job != 0)) {
      throw CliException.failure(
          "The run "
              + name
              + " has no job "
              + job
              + (replica == null ? "" : " in replica " + replica)
              + ". `dstack ps -v` lists its jobs.");
    }
  }

  /** {@code --since} as a time of the API; null where it is not given. */
  static @Nullable String since(Args args, Cli cli) {
    return time(args, cli, "--since");
  }

  /** An option that is a time, or how long ago it was; null where it is not given. */
  static @Nullable String time(Args args, Cli cli, String option) {
    String given = args.text(option);
    Instant time = given == null ? null : Times.since(given, cli.clock().instant());
    if (given != null && time == null) {
      throw CliException.usage(
          option
              + " is `"
              + given
              + "`; expected 30s, 5m, 2h, 1d or a time like 2026-01-31T12:00:00Z");
    }
    return time == null ? null : time.toString();
  }

  /** {@code --replica}; null where it is not given. */
  static @Nullable Integer replica(Args args) {
    return args.has("--replica") ? (Integer) args.number("--replica", 0) : null;
  }

  public static Doc byName(Session session, String name) {
    return get(session, RunCommand.named(name, null), name);
  }
}
