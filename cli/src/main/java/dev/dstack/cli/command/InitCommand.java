package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.RepoOptions;
import dev.dstack.cli.repo.RunRepo;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;

final class InitCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("init", "Registers a Git repo, with credentials where it is private.")
        .text("REPO", "A directory or a Git URL; the working directory otherwise", "-P", "--repo")
        .text("TOKEN", "An access token of the Git host", "-t", "--token")
        .text("FILE", "A private SSH key for the Git host", "--git-identity")
        .onlyOne("--token", "--git-identity")
        .project();
  }

  @Override
  public int run(Args args, Cli cli) {
    RunRepo.Request request = RepoOptions.named(args, cli);
    try (Session session = cli.session(args)) {
      RunRepo.init(request, session, cli);
      cli.terminal().line("OK");
      return ExitCode.OK;
    }
  }
}
