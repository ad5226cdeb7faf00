package dev.dstack.agent.repo;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.ResetCommand.ResetType;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.eclipse.jgit.diff.DiffEntry;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.patch.FileHeader;
import org.eclipse.jgit.patch.Patch;
import org.eclipse.jgit.patch.PatchApplier;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.treewalk.TreeWalk;

/** What the user has changed and not pushed, as {@code git diff --binary} tells it. */
final class DiffApply {
  static final long MAX_BYTES = 256L << 20;

  private DiffApply() {}

  static void run(Git git, Path diff) throws IOException, GitAPIException, RepoException {
    long size = Files.size(diff);
    if (size > MAX_BYTES) {
      throw new RepoException(
          "repos: the changes have " + size + " bytes, the limit is " + MAX_BYTES + "; push them");
    }
    byte[] text = Files.readAllBytes(diff);
    if (new String(text, java.nio.charset.StandardCharsets.ISO_8859_1).isBlank()) {
      return;
    }
    Patch patch = new Patch();
    patch.parse(new ByteArrayInputStream(text));
    if (!patch.getErrors().isEmpty()) {
      throw new RepoException(
          "repos: the changes are not a diff of git: " + patch.getErrors().getFirst().getMessage());
    }
    PatchApplier.Result result = new PatchApplier(git.getRepository()).applyPatch(patch);
    if (!result.getErrors().isEmpty()) {
      throw new RepoException(
          "repos: the changes do not fit the commit: "
              + result.getErrors().stream().map(String::valueOf).collect(Collectors.joining("; ")));
    }
    links(git, patch);
    // On the user's machine they are not staged either.
    git.reset().setMode(ResetType.MIXED).setRef(Constants.HEAD).call();
  }

  /** The library leaves a file with the target's name where a symbolic link should be. */
  private static void links(Git git, Patch patch) throws IOException {
    Path top = git.getRepository().getWorkTree().toPath();
    for (FileHeader file : patch.getFiles()) {
      Path path = top.resolve(file.getNewPath());
      if (file.getChangeType() != DiffEntry.ChangeType.DELETE
          && isLink(git.getRepository(), file)
          && Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
        String target = Files.readString(path);
        Files.delete(path);
        Files.createSymbolicLink(path, Path.of(target));
      }
    }
  }

  private static boolean isLink(Repository repository, FileHeader file) throws IOException {
    FileMode mode = file.getNewMode();
    if (mode != null && mode != FileMode.MISSING) {
      return mode == FileMode.SYMLINK;
    }
    // Where nothing but the name changes the diff does not tell.
    RevCommit head = repository.parseCommit(repository.resolve(Constants.HEAD));
    try (TreeWalk entry = TreeWalk.forPath(repository, file.getOldPath(), head.getTree())) {
      return entry != null && entry.getFileMode() == FileMode.SYMLINK;
    }
  }
}
