package dev.dstack.cli.command;

import dev.dstack.cli.apply.ApplyCommand;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.train.TrainCommand;
import org.jspecify.annotations.Nullable;

/** The names of the commands. */
public final class Commands {
  private Commands() {}

  /** A switch, so that only the class of the command that is run gets loaded. */
  public static @Nullable Command find(String name) {
    return switch (name) {
      case "apply" -> new ApplyCommand();
      case "attach" -> new AttachCommand();
      case "completion" -> new CompletionCommand();
      case "config" -> new ConfigCommand();
      case "cost" -> new CostCommand();
      case "delete", "destroy" -> new DeleteCommand();
      case "event" -> new EventCommand();
      case "fleet" -> new FleetCommand();
      case "init" -> new InitCommand();
      case "logs" -> new LogsCommand();
      case "metrics" -> new MetricsCommand();
      case "offer" -> new OfferCommand();
      case "project" -> new ProjectCommand();
      case "ps" -> new PsCommand();
      case "run" -> new RunCommand();
      case "secret" -> new SecretCommand();
      case "server" -> new ServerCommand();
      case "stop" -> new StopCommand();
      case "why" -> new WhyCommand();
      case "volume" -> new VolumeCommand();
      case "__train" -> new TrainCommand();
      case "export", "gateway", "import", "login", "preset" -> new LaterCommand(name);
      default -> null;
    };
  }

  public static Spec root() {
    return Spec.of("dstack", "Runs AI workloads on your own machines.")
        .child("apply", "Submit a run, or change one", ApplyCommand::new)
        .child("ps", "List runs", PsCommand::new)
        .child("attach", "Connect to a running job: shell, ports, output", AttachCommand::new)
        .child("logs", "Show or follow the output of a run", LogsCommand::new)
        .child("metrics", "Show what a run uses of CPU, memory and GPUs", MetricsCommand::new)
        .child("why", "Tell what a run waits for and what was tried", WhyCommand::new)
        .child("stop", "Stop a run", StopCommand::new)
        .child("delete", "Delete a finished run (also: destroy)", DeleteCommand::new)
        .child("run", "Everything about one run", RunCommand::new)
        .child("offer", "List what could serve a run", OfferCommand::new)
        .child("fleet", "Show fleets and their instances", FleetCommand::new)
        .child("volume", "Show and delete volumes", VolumeCommand::new)
        .child("cost", "Show what the project's capacity cost", CostCommand::new)
        .child("event", "Show what happened", EventCommand::new)
        .child("secret", "Manage secrets", SecretCommand::new)
        .child("project", "Manage the projects this machine knows", ProjectCommand::new)
        .child("config", "Add a project (older form of `project add`)", ConfigCommand::new)
        .child("init", "Register a Git repo and its credentials", InitCommand::new)
        .child("server", "Start a server", ServerCommand::new)
        .child("completion", "Print a completion script for bash or zsh", CompletionCommand::new)
        .footer(
            "",
            "`dstack COMMAND --help` tells the options of a command; `dstack --version` the version.",
            "",
            "Exit codes: 0 done; 1 the run did not end well, or the command failed;",
            "            2 wrong usage; 130 interrupted by Ctrl-C.");
  }
}
