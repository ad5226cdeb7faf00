package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.config.ClientConfig;
import dev.dstack.cli.config.ProjectEntry;
import dev.dstack.cli.http.ApiClient;
import dev.dstack.cli.http.ServerAddress;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

final class ProjectCommand implements Command {
  @Override
  public Spec spec() {
    return Spec.of("project", "Manages the projects that ~/.dstack/config.yml names.")
        .child("list", "List the projects", ListAll::new)
        .child("add", "Add a project, or change its URL and token", Add::new)
        .child("set-default", "Choose the project that is meant without --project", SetDefault::new)
        .child("delete", "Forget a project; nothing on the server changes", Delete::new)
        .defaultChild("list");
  }

  @Override
  public int run(Args args, Cli cli) {
    throw CliException.usage("`dstack project` has list, add, set-default and delete");
  }

  /** Checks the project with its server, then writes it down. */
  static int add(Cli cli, String name, String url, String token, boolean yes, boolean no) {
    ClientConfig config = ClientConfig.load(cli.configFile());
    try (Session session = new Session(name, new ApiClient(ServerAddress.parse(url), token))) {
      session.api().post("/api/projects/" + name + "/get");
    }
    Optional<ProjectEntry> current = config.defaultProject();
    boolean isDefault =
        !no
            && (yes
                || current.isEmpty()
                || current.get().name().equals(name)
                || Boolean.TRUE.equals(
                    cli.terminal().ask("Make " + name + " the default project?")));
    config.put(new ProjectEntry(name, url, token, isDefault));
    config.save();
    cli.terminal().line("The project " + name + " is in " + config.file());
    return ExitCode.OK;
  }

  private static ProjectEntry known(ClientConfig config, String name) {
    return config
        .project(name)
        .orElseThrow(
            () ->
                CliException.failure(
                    "There is no project `"
                        + name
                        + "` in "
                        + config.file()
                        + ".\n`dstack project list` lists them."));
  }

  private static final class ListAll implements Command {
    @Override
    public Spec spec() {
      return Spec.of("list", "Lists the projects of ~/.dstack/config.yml.")
          .flag("With the user each token belongs to", "-v", "--verbose");
    }

    @Override
    public int run(Args args, Cli cli) {
      boolean verbose = args.has("--verbose");
      Table table = new Table().column("PROJECT").column("URL", Fit.WRAP);
      if (verbose) {
        table.column("USER", Fit.WRAP);
      }
      table.column("DEFAULT");
      for (ProjectEntry project : ClientConfig.load(cli.configFile()).projects()) {
        List<Cell> cells = new ArrayList<>();
        cells.add(new Cell(project.name(), Style.BOLD));
        cells.add(Cell.dim(project.url()));
        if (verbose) {
          cells.add(Cell.of(user(project)));
        }
        cells.add(Cell.of(project.isDefault() ? "   ✓" : ""));
        table.row(cells);
      }
      cli.terminal().table(table);
      return ExitCode.OK;
    }

    private static String user(ProjectEntry project) {
      try (ApiClient api = new ApiClient(ServerAddress.parse(project.url()), project.token())) {
        return api.post("/api/users/get_my_user").get("username").text("-");
      } catch (CliException e) {
        return "(" + e.text().lines().findFirst().orElse("unknown") + ")";
      }
    }
  }

  private static final class Add implements Command {
    @Override
    public Spec spec() {
      return Spec.of("add", "Adds a project, or changes its URL and token.")
          .text("NAME", "The project's name", "--name")
          .text("URL", "The server's URL", "--url")
          .text("TOKEN", "Your token", "--token")
          .flag("Make it the default without asking", "-y", "--yes")
          .flag("Don't make it the default", "-n", "--no")
          .onlyOne("--yes", "--no");
    }

    @Override
    public int run(Args args, Cli cli) {
      for (String option : List.of("--name", "--url", "--token")) {
        if (!args.has(option)) {
          throw CliException.usage(option + " is missing");
        }
      }
      return add(
          cli,
          args.text("--name", ""),
          args.text("--url", ""),
          args.text("--token", ""),
          args.has("--yes"),
          args.has("--no"));
    }
  }

  private static final class SetDefault implements Command {
    @Override
    public Spec spec() {
      return Spec.of("set-default", "Chooses the project that is meant without --project.")
          .positional("NAME", "The project's name");
    }

    @Override
    public int run(Args args, Cli cli) {
      ClientConfig config = ClientConfig.load(cli.configFile());
      ProjectEntry project = known(config, args.positional(0));
      config.put(new ProjectEntry(project.name(), project.url(), project.token(), true));
      config.save();
      cli.terminal().line("OK");
      return ExitCode.OK;
    }
  }

  private static final class Delete implements Command {
    @Override
    public Spec spec() {
      return Spec.of("delete", "Forgets a project. Nothing on the server changes.")
          .text("NAME", "The project's name", "--name")
          .optionalPositional("NAME", "The same without --name")
          .flag("Don't ask", "-y", "--yes");
    }

    @Override
    public int run(Args args, Cli cli) {
      String name = args.has("--name") ? args.text("--name") : args.optionalPositional(0);
      if (name == null) {
        throw CliException.usage("--name is missing");
      }
      ClientConfig config = ClientConfig.load(cli.configFile());
      known(config, name);
      if (!Confirm.ask(cli, args, "Forget the project " + name + "?")) {
        return ExitCode.FAILED;
      }
      config.remove(name);
      config.save();
      cli.terminal().line("OK");
      return ExitCode.OK;
    }
  }
}
