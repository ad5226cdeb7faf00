package dev.dstack.agent.repo;

import dev.dstack.agent.Durable;
import dev.dstack.agent.files.Unpacker;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.model.agent.RepoRequest;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jgit.api.CheckoutCommand;
import org.eclipse.jgit.api.CloneCommand;
import org.eclipse.jgit.api.CreateBranchCommand.SetupUpstreamMode;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.eclipse.jgit.api.errors.JGitInternalException;
import org.eclipse.jgit.errors.ConfigInvalidException;
import org.eclipse.jgit.lib.ConfigConstants;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.StoredConfig;
import org.eclipse.jgit.util.FS;
import org.eclipse.jgit.util.SystemReader;
import org.jspecify.annotations.Nullable;

/**
 * Puts a repository where a task expects it: cloned at the commit that the user works on, with the
 * user's changes, or unpacked when it is a local directory. Needs no git. It runs as the user whom
 * the files are to belong to.
 */
public final class RepoCheckout {
  private static final int TIMEOUT_SECONDS = 120;

  /** On a fresh volume; counts as empty. */
  private static final String LOST_AND_FOUND = "lost+found";

  private final RepoRequest request;
  private final Path place;

  private RepoCheckout(RepoRequest request, Path place) {
    this.request = request;
    this.place = place;
  }

  /** What became of it. */
  public enum Outcome {
    DONE,
    /** There was something in the directory, and the user said to leave it then. */
    SKIPPED
  }

  /**
   * The directory of the repository: absolute, below the home of the user, or below the working
   * directory.
   */
  public static Path place(RepoRequest request, Path workingDir, String home) {
    String path = request.path();
    if (path.equals("~") || path.startsWith("~/")) {
      return Path.of(home).resolve(path.substring(Math.min(2, path.length()))).normalize();
    }
    return workingDir.resolve(path).normalize();
  }

  /**
   * @param archive the file that {@code request.archive()} names
   * @param place absolute; need not exist
   * @throws RepoException with what the user can do about it
   */
  public static Outcome run(RepoRequest request, @Nullable Path archive, Path place)
      throws RepoException {
    return new RepoCheckout(request, place).run(archive);
  }

  private Outcome run(@Nullable Path archive) throws RepoException {
    try {
      if (isOccupied()) {
        return switch (request.ifExists()) {
          case SKIP -> Outcome.SKIPPED;
          case ERROR ->
              throw new RepoException(
                  "repos: " + place + " is not empty; choose another path or set if_exists: skip");
        };
      }
      if (request.archive() != null && (archive == null || !Files.isReadable(archive))) {
        throw new RepoException(
            "repos: the archive " + request.archive() + " is not on this host; apply again");
      }
      String url = request.url();
      if (url == null) {
        Files.createDirectories(place);
        if (archive != null) {
          Unpacker.unpack(archive, place, true, TaskUser.ofAgent());
        }
        return Outcome.DONE;
      }
      SystemReader.setInstance(new NoForeignConfig(SystemReader.getInstance()));
      clone(url, archive);
      return Outcome.DONE;
    } catch (IOException e) {
      throw new RepoException(
          Durable.isDiskFull(e)
              ? "repos: the disk is full, " + place + " could not be written"
              : "repos: " + place + " could not be written: " + RepoWords.of(e),
          e);
    }
  }

  private boolean isOccupied() throws IOException, RepoException {
    if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (!Files.isDirectory(place)) {
      throw new RepoException("repos: " + place + " is not a directory");
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(place)) {
      for (Path entry : entries) {
        if (!LOST_AND_FOUND.equals(entry.getFileName().toString())) {
          return true;
        }
      }
    }
    return false;
  }

  // --- a remote repository -----------------------------------------------------------------------

  private void clone(String url, @Nullable Path diff) throws RepoException, IOException {
    boolean existed = Files.exists(place);
    boolean done = false;
    try (RepoAccess access = RepoAccess.of(url, request.credentials());
        Git git = fetch(url, access)) {
      checkOut(git, url);
      SubmoduleFetch.run(git, access);
      configure(git);
      if (diff != null) {
        DiffApply.run(git, diff);
      }
      done = true;
    } catch (GitAPIException | JGitInternalException e) {
      throw new RepoException(RepoWords.of(e, url, request.credentials()), e);
    } finally {
      if (!done) {
        clear(existed);
      }
    }
  }

  private Git fetch(String url, RepoAccess access) throws GitAPIException, IOException {
    CloneCommand clone =
        Git.cloneRepository()
            .setURI(url)
            .setDirectory(place.toFile())
            .setNoCheckout(true)
            .setTimeout(TIMEOUT_SECONDS);
    access.configure(clone);
    // The directory may hold lost+found, which a clone does not accept: start with an empty one.
    boolean beside = Files.isDirectory(place) && isListed(place);
    Path directory = beside ? place.resolve(".git-clone-tmp") : place;
    Files.createDirectories(directory);
    clone.setDirectory(directory.toFile());
    String branch = request.branch();
    if (branch != null && !branch.isEmpty()) {
      clone.setBranch(Constants.R_HEADS + branch);
      if (request.singleBranch()) {
        clone.setBranchesToClone(List.of(Constants.R_HEADS + branch)).setCloneAllBranches(false);
      }
    } else if (request.singleBranch()) {
      String head = headBranch(url, access);
      if (head != null) {
        clone.setBranchesToClone(List.of(head)).setCloneAllBranches(false).setBranch(head);
      }
    }
    if (!beside) {
      return clone.call();
    }
    clone.call().close();
    Files.move(directory.resolve(Constants.DOT_GIT), place.resolve(Constants.DOT_GIT));
    Files.delete(directory);
    return Git.open(place.toFile());
  }

  private static boolean isListed(Path directory) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      return entries.iterator().hasNext();
    }
  }

  private static @Nullable String headBranch(String url, RepoAccess access) throws GitAPIException {
    var list = Git.lsRemoteRepository().setRemote(url).setTimeout(TIMEOUT_SECONDS);
    access.configure(list);
    Ref head = list.callAsMap().get(Constants.HEAD);
    return head == null || !head.isSymbolic() ? null : head.getTarget().getName();
  }

  private void checkOut(Git git, String url) throws GitAPIException, IOException, RepoException {
    String branch = request.branch();
    String commit = request.commit();
    boolean onBranch = branch != null && !branch.isEmpty();
    Ref tip =
        onBranch
            ? git.getRepository().exactRef(Constants.R_REMOTES + "origin/" + branch)
            : git.getRepository().exactRef(Constants.HEAD);
    if (onBranch && tip == null) {
      throw new RepoException(
          "repos: there is no branch '" + branch + "' in " + RepoWords.plain(url));
    }
    CheckoutCommand checkout = git.checkout().setForced(true);
    if (commit != null && !commit.isEmpty()) {
      ObjectId wanted = resolve(git, commit, url);
      ObjectId at = tip == null ? null : tip.getObjectId();
      if (!wanted.equals(at)) {
        checkout.setName(wanted.name()).call();
        return;
      }
    }
    if (onBranch) {
      // The clone made it already where it is the one that was asked for.
      boolean exists = git.getRepository().exactRef(Constants.R_HEADS + branch) != null;
      checkout
          .setName(branch)
          .setCreateBranch(!exists)
          .setStartPoint("origin/" + branch)
          .setUpstreamMode(SetupUpstreamMode.SET_UPSTREAM)
          .call();
    } else if (tip != null && tip.getObjectId() != null) {
      Ref target = tip.getTarget();
      checkout
          .setName(
              tip.isSymbolic()
                  ? target.getName().substring(Constants.R_HEADS.length())
                  : tip.getObjectId().name())
          .call();
    }
  }

  private ObjectId resolve(Git git, String commit, String url) throws IOException, RepoException {
    if (!ObjectId.isId(commit)) {
      throw new RepoException("repos: '" + commit + "' is not the full hash of a commit");
    }
    ObjectId id = ObjectId.fromString(commit);
    if (git.getRepository().getObjectDatabase().has(id)) {
      return id;
    }
    throw new RepoException(
        "repos: the commit "
            + commit
            + " is not in "
            + RepoWords.plain(url)
            + (request.singleBranch() && request.branch() != null
                ? " on the branch '" + request.branch() + "'"
                : "")
            + "; push it, or set single_branch: false when it is on another branch");
  }

  private void configure(Git git) throws IOException {
    StoredConfig config = git.getRepository().getConfig();
    RepoRequest.Author author = request.author();
    if (author != null) {
      config.setString(ConfigConstants.CONFIG_USER_SECTION, null, "name", author.name());
      config.setString(ConfigConstants.CONFIG_USER_SECTION, null, "email", author.email());
    }
    config.setString("remote", "origin", "url", RepoWords.withoutCredentials(request.url()));
    config.save();
  }

  /** What a failed clone left, so that the next attempt does not find it. */
  private void clear(boolean existed) throws IOException {
    if (!Files.isDirectory(place)) {
      return;
    }
    List<Path> left = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(place)) {
      entries.forEach(left::add);
    }
    for (Path one : left) {
      if (!LOST_AND_FOUND.equals(one.getFileName().toString())) {
        Durable.removeTree(one);
      }
    }
    if (!existed) {
      Files.deleteIfExists(place);
    }
  }

  /** The image's and the user's own configuration of git is not to change what is cloned. */
  private static final class NoForeignConfig extends SystemReader.Delegate {
    NoForeignConfig(SystemReader system) {
      super(system);
    }

    @Override
    public org.eclipse.jgit.storage.file.FileBasedConfig openSystemConfig(
        org.eclipse.jgit.lib.Config parent, FS fs) {
      return new Empty(fs);
    }

    @Override
    public org.eclipse.jgit.storage.file.FileBasedConfig openUserConfig(
        org.eclipse.jgit.lib.Config parent, FS fs) {
      return new Empty(fs);
    }

    @Override
    public org.eclipse.jgit.storage.file.FileBasedConfig openJGitConfig(
        org.eclipse.jgit.lib.Config parent, FS fs) {
      return new Empty(fs);
    }

    private static final class Empty extends org.eclipse.jgit.storage.file.FileBasedConfig {
      Empty(FS fs) {
        super(null, fs);
      }

      @Override
      public void load() throws IOException, ConfigInvalidException {
        // There is nothing to load.
      }

      @Override
      public boolean isOutdated() {
        return false;
      }

      @Override
      public void save() {
        // Defaults that are found out about the file system are not kept.
      }
    }
  }
}
