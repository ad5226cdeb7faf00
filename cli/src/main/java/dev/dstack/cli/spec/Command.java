package dev.dstack.cli.spec;

import dev.dstack.cli.Cli;

/** Something that {@code dstack NAME} does. */
public interface Command {
  Spec spec();

  /**
   * @return the exit code
   * @throws dev.dstack.cli.CliException what the person is told instead
   */
  int run(Args args, Cli cli);
}
