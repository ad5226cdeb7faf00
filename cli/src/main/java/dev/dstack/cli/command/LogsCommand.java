package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.RunFollower;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Times;
import java.time.Instant;

final class LogsCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("logs", "Shows the output of a run, and follows it while the run is active.")
        .positional("RUN", "The run's name")
        .flag("What the agent logged about the run, not its output", "-d", "--diagnose")
        .number("N", "The replica; 0 otherwise", "--replica")
        .number("N", "The job of the replica; 0 otherwise", "--job")
        .text("TIME", "Only what is newer; 5m, 1d or 2026-01-31T12:00:00Z", "--since")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    String since = args.text("--since");
    Instant from = since == null ? null : Times.since(since, cli.clock().instant());
    if (since != null && from == null) {
      throw CliException.usage(
          "--since is `"
              + since
              + "`; expected 30s, 5m, 2h, 1d or a time like 2026-01-31T12:00:00Z");
    }
    int replica = args.number("--replica", 0);
    int job = args.number("--job", 0);
    try (Session session = cli.session(args)) {
      Doc run = Runs.byName(session, args.positional(0));
      requireJob(run, args.positional(0), replica, job);
      return RunFollower.ofOutput(
              cli,
              session,
              run,
              new RunFollower.Options(
                  false,
                  false,
                  replica,
                  job,
                  from == null ? null : from.toString(),
                  args.has("--diagnose")))
          .follow();
    }
  }

  private static void requireJob(Doc run, String name, int replica, int job) {
    boolean asked = replica != 0 || job != 0;
    boolean exists =
        run.get("jobs").items().stream()
            .anyMatch(
                candidate ->
                    candidate.at("job_spec", "replica_num").integer(0) == replica
                        && candidate.at("job_spec", "job_num").integer(0) == job);
    if (asked && !exists) {
      throw CliException.failure(
          "The run "
              + name
              + " has no job "
              + job
              + " in replica "
              + replica
              + ". `dstack ps -v` lists its jobs.");
    }
  }
}
