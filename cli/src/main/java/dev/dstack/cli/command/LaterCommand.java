package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;

/** A command of dstack that this release does not have, refused by its name. */
final class LaterCommand implements Command {
  private final String name;

  LaterCommand(String name) {
    this.name = name;
  }

  @Override
  public Spec spec() {
    return Spec.of(name, "Not in this release.").rest("ARG", "");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.failure(
        "`dstack " + name + "` is not in this release. `dstack --help` lists what there is.");
  }
}
