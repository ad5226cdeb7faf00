package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.GitRepo;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
    GitRepo repo = GitRepo.find(args.text("--repo", "."), cli.cwd());
    Map<String, @Nullable Object> credentials = null;
    String token = args.text("--token");
    String identity = args.text("--git-identity");
    if (token != null || identity != null) {
      credentials = new LinkedHashMap<>();
      credentials.put("clone_url", repo.cloneUrl(token != null));
      credentials.put("private_key", identity == null ? null : key(cli.cwd().resolve(identity)));
      credentials.put("oauth_token", token);
    }
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("repo_id", repo.id());
    body.put("repo_info", Map.of("repo_type", "remote", "repo_name", repo.name()));
    body.put("repo_creds", credentials);
    try (Session session = cli.session(args)) {
      session.post("/repos/init", body);
      cli.terminal().line("OK");
      return ExitCode.OK;
    }
  }

  private static String key(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw CliException.failure("Can't read the key " + file + ": " + e.getMessage(), e);
    }
  }
}
