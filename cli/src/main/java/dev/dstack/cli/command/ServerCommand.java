package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import java.util.List;

/** Only the words: the start script hands {@code dstack server} to the server's own program. */
final class ServerCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("server", "Starts a server with everything it needs.")
        .text("HOST", "The address to listen at; 127.0.0.1 otherwise", "--host")
        .number("PORT", "The port; 3000 otherwise", "-p", "--port")
        .text("TOKEN", "The token of the user admin; made at the first start otherwise", "--token")
        .oneOf(List.of("all", "api", "worker"), "Which parts to run", "--role")
        .text("LEVEL", "How much to log: error, warn, info, debug", "-l", "--log-level")
        .flag("The same as --log-level debug", "-d", "--debug")
        .flag("Make its project the default of ~/.dstack/config.yml without asking", "-y", "--yes")
        .flag("Leave ~/.dstack/config.yml alone", "-n", "--no")
        .onlyOne("--yes", "--no")
        .onlyOne("--debug", "--log-level");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.failure(
        "The server is a program of its own.\n"
            + "Start it with the script `dstack` of the installation (`./dstack server` in the source tree),"
            + " or run the class dev.dstack.server.Main of its jars.");
  }
}
