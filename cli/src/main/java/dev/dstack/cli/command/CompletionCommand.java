package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import java.util.ArrayList;
import java.util.List;

final class CompletionCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("completion", "Prints a completion script.")
        .positional("SHELL", "bash or zsh")
        .footer(
            "",
            "bash: dstack completion bash > ~/.local/share/bash-completion/completions/dstack",
            "zsh:  dstack completion zsh > a file that ~/.zshrc sources after compinit");
  }

  @Override
  public int run(Args args, Cli cli) {
    String shell = args.positional(0);
    if (!List.of("bash", "zsh").contains(shell)) {
      throw CliException.usage("The shell is bash or zsh, not `" + shell + "`");
    }
    cli.terminal().print(script(shell));
    return ExitCode.OK;
  }

  /**
   * One case per command with its words; bash and zsh differ only in how the function is hung up.
   */
  private static String script(String shell) {
    StringBuilder script = new StringBuilder();
    if (shell.equals("zsh")) {
      script.append("autoload -U +X bashcompinit && bashcompinit\n");
    }
    script.append("_dstack_complete() {\n");
    script.append(
        "  local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\" command=\"${COMP_WORDS[1]}\"\n");
    script.append("  local child=\"${COMP_WORDS[2]}\"\n");
    script.append("  local before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n");
    script.append("  case \"$before\" in\n");
    script.append("    -f|--file) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
    script.append("    --format) COMPREPLY=($(compgen -W 'plain json' -- \"$word\")); return ;;\n");
    script.append(
        "    --spot-policy) COMPREPLY=($(compgen -W 'spot on-demand auto' -- \"$word\")); return ;;\n");
    script.append(
        "    --role) COMPREPLY=($(compgen -W 'all api worker' -- \"$word\")); return ;;\n");
    script.append("  esac\n");
    Spec root = Commands.root();
    script.append("  if [ \"$COMP_CWORD\" -le 1 ]; then\n");
    script
        .append("    words='")
        .append(String.join(" ", root.childNames()))
        .append(" --help --version'\n");
    script.append("  else\n    case \"$command\" in\n");
    for (String name : root.childNames()) {
      Command command = root.child(name);
      if (command == null) {
        continue;
      }
      Spec spec = command.spec();
      String label = name.equals("delete") ? "delete|destroy" : name;
      script.append("      ").append(label).append(")\n");
      if (spec.hasChildren()) {
        script.append("        if [ \"$COMP_CWORD\" -le 2 ]; then words='");
        script.append(String.join(" ", spec.childNames())).append(" --help'\n");
        script.append("        else case \"$child\" in\n");
        for (String childName : spec.childNames()) {
          Command child = spec.child(childName);
          if (child != null) {
            script.append("          ").append(childName).append(") words='");
            script.append(words(child.spec())).append("' ;;\n");
          }
        }
        script.append("        esac; fi ;;\n");
      } else {
        script.append("        words='").append(words(spec)).append("' ;;\n");
      }
    }
    script.append("    esac\n  fi\n");
    script.append("  case \"$command\" in\n    logs|stop)\n");
    script.append("      if [ \"${word#-}\" = \"$word\" ]; then\n");
    script.append(
        "        words=\"$words $(dstack ps -a 2>/dev/null | awk 'NR > 1 && $1 !~ /=/ {print $1}')\"\n");
    script.append("      fi ;;\n  esac\n");
    script.append("  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n");
    script.append("complete -F _dstack_complete dstack\n");
    return script.toString();
  }

  private static String words(Spec spec) {
    List<String> words = new ArrayList<>(spec.optionNames());
    words.add("--help");
    if (spec.name().equals("completion")) {
      words.addAll(List.of("bash", "zsh"));
    }
    return String.join(" ", words);
  }
}
