package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.AttachOptions;
import dev.dstack.cli.apply.RunFollower;
import dev.dstack.cli.attach.PortMapping;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;

final class AttachCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of(
            "attach",
            "Connects to a running job: `ssh RUN`, its ports and its output, until Ctrl-C.")
        .positional("RUN", "The run's name")
        .flag("Show the job's output", "--logs")
        .text("TIME", "With --logs: only what is newer; 5m, 2026-01-31T12:00:00Z", "--since")
        .texts("MAP", "LOCAL:PORT or *:PORT, instead of the configured one", "-p", "--port")
        .text("ADDRESS", "Where forwarded ports listen; localhost otherwise", "--host")
        .text("FILE", "A private key, instead of the one the server keeps", "--ssh-identity")
        .number("N", "The replica; otherwise one that runs", "--replica")
        .number("N", "The job of the replica; 0 otherwise", "--job")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    String since = Runs.since(args, cli);
    Integer replica = Runs.replica(args);
    int job = args.number("--job", 0);
    String name = args.positional(0);
    AttachOptions options = AttachOptions.of(args, cli, PortMapping.options(args.texts("--port")));
    try (Session session = cli.session(args)) {
      Doc run = Runs.byName(session, name);
      Runs.requireJob(run, name, replica, job);
      if (RunTable.isFinal(run)) {
        throw CliException.failure(
            "The run "
                + name
                + " has ended: "
                + RunTable.status(run)
                + ".\n`dstack logs "
                + name
                + "` shows its output.");
      }
      return new RunFollower(
              cli,
              session,
              run,
              new RunFollower.Options(
                  RunFollower.Mode.ATTACH,
                  false,
                  args.has("--logs"),
                  replica,
                  job,
                  since,
                  false,
                  options.attachment(),
                  null))
          .follow();
    }
  }
}
