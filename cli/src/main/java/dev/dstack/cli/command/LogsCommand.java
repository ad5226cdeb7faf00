package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.RunFollower;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import org.jspecify.annotations.Nullable;

final class LogsCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("logs", "Shows the output of a run, and follows it while the run is active.")
        .positional("RUN", "The run's name")
        .flag("What the agent logged about the run, not its output", "-d", "--diagnose")
        .number("N", "The replica; otherwise one that runs, or the first", "--replica")
        .number("N", "The job of the replica; 0 otherwise", "--job")
        .text("TIME", "Only what is newer; 5m, 1d or 2026-01-31T12:00:00Z", "--since")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    String since = Runs.since(args, cli);
    Integer replica = Runs.replica(args);
    int job = args.number("--job", 0);
    try (Session session = cli.session(args)) {
      Doc run = Runs.byName(session, args.positional(0));
      Runs.requireJob(run, args.positional(0), replica, job);
      return new RunFollower(cli, session, run, options(since, replica, job, args)).follow();
    }
  }

  private static RunFollower.Options options(
      @Nullable String since, @Nullable Integer replica, int job, Args args) {
    return new RunFollower.Options(
        RunFollower.Mode.OUTPUT,
        false,
        true,
        replica,
        job,
        since,
        args.has("--diagnose"),
        Attachment.Options.PLAIN,
        null);
  }
}
