package dev.dstack.cli.repo;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.files.Archive;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A working tree on this machine.
 *
 * @param git in the directory
 * @param remote where its branch is pushed to; null where it is pushed nowhere
 * @param branch as the remote calls it
 * @param commit the newest one the remote has of it
 */
record Checkout(
    Git git,
    Path directory,
    @Nullable String remote,
    @Nullable String branch,
    @Nullable String commit) {

  static Checkout of(Path directory, Cli cli) {
    if (!Files.isDirectory(directory)) {
      throw CliException.failure("There is no directory " + directory + ".");
    }
    Git git = Git.in(directory, Map.of(), cli);
    String top = git.ask("rev-parse", "--show-toplevel");
    if (top == null) {
      throw CliException.failure(
          directory + " is no Git repo.\nDirectories without Git come with `files`.");
    }
    if (!isSame(directory, Path.of(top))) {
      throw CliException.failure(
          directory + " is inside of the Git repo " + top + ".\nName the repo itself.");
    }
    if (git.ask("symbolic-ref", "-q", "HEAD") == null) {
      throw CliException.failure(
          "The Git repo " + directory + " is on no branch (detached HEAD).\nCheck out a branch.");
    }
    String upstream = git.ask("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}");
    String head = git.ask("symbolic-ref", "--short", "HEAD");
    String from = head == null ? null : git.ask("config", "branch." + head + ".remote");
    String merge = head == null ? null : git.ask("config", "branch." + head + ".merge");
    String url = from == null || upstream == null ? null : git.ask("remote", "get-url", from);
    String commit = git.ask("rev-parse", "@{upstream}");
    if (url == null || merge == null || commit == null || !GitRepo.isUrl(url)) {
      return new Checkout(git, directory, null, null, null);
    }
    return new Checkout(git, directory, url, merge.replaceFirst("^refs/heads/", ""), commit);
  }

  /** The {@code repo_data} of a run. */
  Map<String, @Nullable Object> data() {
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    String url = remote;
    if (url == null) {
      data.put("repo_type", "local");
      data.put("repo_dir", directory.toString());
      return data;
    }
    data.put("repo_type", "remote");
    data.put("repo_name", GitRepo.parse(url).name());
    data.put("repo_branch", branch);
    data.put("repo_hash", commit);
    data.put("repo_config_name", given(git.ask("config", "user.name")));
    data.put("repo_config_email", given(git.ask("config", "user.email")));
    return data;
  }

  private static @Nullable String given(@Nullable String text) {
    return text == null || text.isEmpty() ? null : text;
  }

  /**
   * What the remote does not have: changes and untracked files as one diff, or all files where
   * there is no remote. Null where there is nothing.
   */
  @Nullable Archive code() {
    try {
      if (remote == null) {
        return Archive.ofContent(directory);
      }
      Archive diff = Archive.of(this::writeDiff);
      if (diff.size() == 0) {
        diff.close();
        return null;
      }
      return diff;
    } catch (IOException e) {
      throw CliException.failure(
          "The changes in " + directory + " can't be collected: " + e.getMessage(), e);
    }
  }

  private void writeDiff(OutputStream out) throws IOException {
    if (git.pour(out, diff(String.valueOf(commit))) != 0) {
      throw new IOException("`git diff " + commit + "` failed");
    }
    String untracked = git.ask("ls-files", "--others", "--exclude-standard", "-z");
    for (String file : untracked == null ? new String[0] : untracked.split("\0")) {
      // 1 says that there is a difference, which there always is.
      if (!file.isEmpty() && git.pour(out, diff("--no-index", "--", "/dev/null", file)) > 1) {
        throw new IOException("`git diff` of " + file + " failed");
      }
    }
  }

  /** Without what somebody's settings would do to it. */
  private static String[] diff(String... words) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "-c",
                "diff.noprefix=false",
                "-c",
                "diff.mnemonicPrefix=false",
                "-c",
                "core.quotePath=true",
                "diff",
                "--binary",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                "--src-prefix=a/",
                "--dst-prefix=b/"));
    command.addAll(List.of(words));
    return command.toArray(String[]::new);
  }

  private static boolean isSame(Path a, Path b) {
    try {
      return Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  /** By which the server knows it. */
  String id() {
    String url = remote;
    if (url != null) {
      return GitRepo.parse(url).id();
    }
    Path name = directory.getFileName();
    return GitRepo.slug(
        name == null ? "root" : name.toString(),
        directory.toString().getBytes(StandardCharsets.UTF_8));
  }
}
