package dev.dstack.cli.spec;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;

/** What a person decides, or {@code --yes}. */
public final class Confirm {
  private Confirm() {}

  /**
   * @throws CliException when there is nobody to ask
   */
  public static boolean ask(Cli cli, Args args, String question) {
    return ask(cli, args.has("--yes"), question);
  }

  public static boolean ask(Cli cli, boolean yes, String question) {
    if (yes) {
      return true;
    }
    Boolean answer = cli.terminal().ask(question);
    if (answer == null) {
      throw CliException.failure(
          question + "\nNobody can answer here: pass -y to say yes beforehand.");
    }
    return answer;
  }
}
