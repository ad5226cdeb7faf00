package dev.dstack.agent.repo;

import java.io.IOException;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.SubmoduleUpdateCommand;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.submodule.SubmoduleWalk;

/** The repositories that a repository names, and theirs. */
final class SubmoduleFetch {
  private static final int MAX_DEPTH = 10;

  private SubmoduleFetch() {}

  static void run(Git git, RepoAccess access) throws GitAPIException, IOException {
    run(git, access, MAX_DEPTH);
  }

  private static void run(Git git, RepoAccess access, int depth)
      throws GitAPIException, IOException {
    if (depth == 0 || git.submoduleInit().call().isEmpty()) {
      return;
    }
    SubmoduleUpdateCommand update = git.submoduleUpdate();
    access.configure(update);
    for (String path : update.call()) {
      try (Repository inner = SubmoduleWalk.getSubmoduleRepository(git.getRepository(), path)) {
        if (inner != null) {
          run(Git.wrap(inner), access, depth - 1);
        }
      }
    }
  }
}
