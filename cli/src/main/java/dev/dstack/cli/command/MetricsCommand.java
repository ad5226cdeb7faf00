package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.MetricsTable;
import dev.dstack.cli.run.MetricsTable.JobMetrics;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Table;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

final class MetricsCommand implements Command {
  /** More than an hour of samples has. */
  private static final int LIMIT = 1000;

  @Override
  public Spec spec() {
    return Spec.of(
            "metrics", "Shows what the jobs of a run used of CPU, memory and GPUs in an hour.")
        .positional("RUN", "The run's name")
        .flag("Keep it up to date until Ctrl-C", "-w", "--watch")
        .number("N", "Only this replica", "--replica")
        .number("N", "Only the jobs of this number", "--job")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    try (Session session = cli.session(args)) {
      if (args.has("--watch")) {
        return Watch.run(cli, () -> table(args, cli, session));
      }
      cli.terminal().table(table(args, cli, session));
      return ExitCode.OK;
    }
  }

  private static Table table(Args args, Cli cli, Session session) {
    String name = args.positional(0);
    Doc run = Runs.byName(session, name);
    List<JobMetrics> jobs = new ArrayList<>();
    for (Doc job : run.get("jobs").items()) {
      long replica = job.at("job_spec", "replica_num").integer(0);
      long number = job.at("job_spec", "job_num").integer(0);
      if ((args.has("--replica") && args.number("--replica", 0) != replica)
          || (args.has("--job") && args.number("--job", 0) != number)) {
        continue;
      }
      String path =
          "/metrics/job/"
              + URLEncoder.encode(name, StandardCharsets.UTF_8)
              + "?replica_num="
              + replica
              + "&job_num="
              + number
              + "&limit="
              + LIMIT;
      jobs.add(new JobMetrics(job, session.get(path)));
    }
    if (jobs.isEmpty()) {
      throw CliException.failure(
          "The run " + name + " has no such job. `dstack ps -v` lists its jobs.");
    }
    return MetricsTable.of(jobs, cli.terminal().width(), cli.clock().instant());
  }
}
