package dev.dstack.cli;

import dev.dstack.cli.command.Commands;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code dstack COMMAND …}. */
public final class Main {
  private Main() {}

  public static void main(String[] words) {
    Map<String, String> env = System.getenv();
    String home = env.getOrDefault("HOME", System.getProperty("user.home", "."));
    Terminal terminal = Terminal.system(env);
    Cli cli =
        new Cli(
            terminal,
            env,
            Path.of(home),
            Path.of("").toAbsolutePath(),
            Clock.systemUTC(),
            Interrupts.system());
    int exit = run(List.of(words), cli);
    // Threads may still wait for a server; nothing depends on them.
    System.exit(exit);
  }

  /** The whole of the command line except the process around it. */
  public static int run(List<String> words, Cli cli) {
    try {
      return dispatch(words, cli);
    } catch (CliException e) {
      cli.terminal().error(cli.terminal().styled("dstack: ", Style.BOLD_RED) + e.text());
      return e.exitCode();
    }
  }

  private static int dispatch(List<String> words, Cli cli) {
    String first = words.isEmpty() ? "--help" : words.getFirst();
    return switch (first) {
      case "-h", "--help", "help" -> {
        help(Commands.root(), "dstack", cli);
        yield ExitCode.OK;
      }
      case "-v", "--version" -> {
        cli.terminal().line(Version.text());
        yield ExitCode.OK;
      }
      default -> {
        Command command = Commands.find(first);
        if (command == null) {
          throw CliException.usage(
              "There is no command `"
                  + first
                  + "`.\nThe commands are: "
                  + String.join(", ", Commands.root().childNames())
                  + ".");
        }
        yield run(command, "dstack " + first, words.subList(1, words.size()), cli);
      }
    };
  }

  private static int run(Command command, String name, List<String> words, Cli cli) {
    Spec spec = command.spec();
    if (spec.hasChildren()) {
      return runChild(spec, name, words, cli);
    }
    if (asksHelp(words)) {
      help(spec, name, cli);
      return ExitCode.OK;
    }
    Args args;
    try {
      args = spec.parse(words);
    } catch (CliException e) {
      throw CliException.usage(e.text() + "\nSee `" + name + " --help`.");
    }
    return command.run(args, cli);
  }

  /** The child may come after the project, as in {@code dstack secret --project p list}. */
  private static int runChild(Spec spec, String name, List<String> words, Cli cli) {
    int at = 0;
    while (at < words.size() && words.get(at).startsWith("--project")) {
      at += words.get(at).equals("--project") ? 2 : 1;
    }
    String word = at < words.size() ? words.get(at) : "-";
    Command child = spec.child(word);
    if (child != null) {
      List<String> others = new ArrayList<>(words);
      others.remove(at);
      return run(child, name + " " + word, others, cli);
    }
    if (!word.startsWith("-")) {
      throw CliException.usage(
          "`"
              + name
              + "` has no `"
              + word
              + "`; there are: "
              + String.join(", ", spec.childNames())
              + ".");
    }
    String defaultName = spec.defaultChild();
    Command defaultChild = defaultName == null ? null : spec.child(defaultName);
    if (asksHelp(words) || defaultChild == null) {
      help(spec, name, cli);
      return asksHelp(words) ? ExitCode.OK : ExitCode.USAGE;
    }
    return run(defaultChild, name + " " + defaultName, words, cli);
  }

  private static boolean asksHelp(List<String> words) {
    for (String word : words) {
      if (word.equals("--")) {
        return false;
      }
      if (word.equals("-h") || word.equals("--help")) {
        return true;
      }
    }
    return false;
  }

  private static void help(Spec spec, String name, Cli cli) {
    cli.terminal().print(spec.help(name, cli.terminal().width(), cli.terminal().colours()));
  }
}
