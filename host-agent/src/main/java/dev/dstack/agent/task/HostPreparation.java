package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.agent.files.Unpacker;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.repo.CheckoutSpec;
import dev.dstack.agent.repo.RepoCheckout;
import dev.dstack.agent.repo.RepoException;
import dev.dstack.agent.repo.RepoProcess;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What a process of the host finds when it starts: its directory, the repository, the files. */
final class HostPreparation {
  /** Holds credentials; gone once the repository is in its place. */
  private static final String REPO = "repo.json";

  private static final long LOOK_MILLIS = 100;

  private final Path directory;
  private final Journal journal;
  private final Surroundings surroundings;
  private @Nullable String program;
  private String programPath = "";

  HostPreparation(Path directory, Journal journal, Surroundings surroundings) {
    this.directory = directory;
    this.journal = journal;
    this.surroundings = surroundings;
  }

  static void keep(Path directory, @Nullable RepoRequest repo) throws IOException {
    if (repo != null) {
      byte[] json = Json.lenient().writeValueAsBytes(repo);
      Durable.write(directory.resolve(REPO), json, "rw-------", false);
    }
  }

  static void forget(Path directory) throws IOException {
    Files.deleteIfExists(directory.resolve(REPO));
  }

  /** What to look for before the start, to say in words that it is missing. */
  void program(String name, String path) {
    program = name;
    programPath = path;
  }

  /** Present: how the task ended instead. */
  Optional<TaskExit> prepare() throws IOException, InterruptedException {
    TaskState state = journal.state();
    if (state.stop() != null) {
      return Optional.of(Endings.stopped(state));
    }
    TaskUser user = TaskUser.resolve(state.user(), surroundings.agentUser());
    Path work = Task.work(directory);
    try {
      Durable.removeTree(work);
      Durable.directory(work, "rwx------");
      Durable.directory(Task.io(directory), "rwx------");
      if (user.other()) {
        own(work, user);
        String closed = closedTo(user, work);
        if (closed != null) {
          return Optional.of(Endings.notCreated(closed));
        }
      }
      Optional<TaskExit> noRepo = checkOut(work, user);
      if (noRepo.isPresent()) {
        return noRepo;
      }
      for (TaskRequest.FileMount mount : state.files()) {
        if (journal.state().stop() != null) {
          return Optional.of(Endings.stopped(journal.state()));
        }
        String problem = unpack(mount, work, user);
        if (problem != null) {
          return Optional.of(Endings.notCreated(problem));
        }
      }
      return user.other() ? Optional.empty() : checkStart(Path.of(state.workingDir()));
    } catch (IOException e) {
      return Optional.of(
          Endings.notCreated(
              Durable.isDiskFull(e)
                  ? "the disk of the host is full ("
                      + directory
                      + "): the task could not be prepared"
                  : "the task's directory could not be prepared: " + Endings.words(e)));
    }
  }

  private Optional<TaskExit> checkOut(Path work, TaskUser user)
      throws IOException, InterruptedException {
    Path file = directory.resolve(REPO);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    RepoRequest request = Json.lenient().readValue(Files.readAllBytes(file), RepoRequest.class);
    Path place = RepoCheckout.place(request, Path.of(journal.state().workingDir()), user.home());
    if (user.other() && !place.startsWith(work)) {
      return Optional.of(
          Endings.notCreated(
              "repos: '"
                  + request.path()
                  + "' lies outside of the task's own directory, which needs a task without"
                  + " another user"));
    }
    String hash = request.archive();
    String archive = hash == null ? null : surroundings.archives().path(hash).toString();
    CheckoutSpec spec = new CheckoutSpec(request, archive, place.toString());
    FutureTask<RepoCheckout.Outcome> clone =
        new FutureTask<>(() -> RepoProcess.run(RepoProcess.thisJava(), spec));
    Thread thread = Thread.ofVirtual().name("repo-" + journal.state().id()).start(clone);
    try {
      while (!clone.isDone()) {
        if (journal.state().stop() != null) {
          return Optional.of(Endings.stopped(journal.state()));
        }
        journal.pause(LOOK_MILLIS);
      }
      clone.get();
      if (user.other()) {
        own(place, user);
      }
      return Optional.empty();
    } catch (ExecutionException e) {
      return Optional.of(
          e.getCause() instanceof RepoException words
              ? Endings.notCreated(String.valueOf(words.getMessage()))
              : Endings.notCreated("repos: the process that clones failed: " + words(e)));
    } finally {
      thread.interrupt();
    }
  }

  private static String words(ExecutionException e) {
    return e.getCause() instanceof Exception cause ? Endings.words(cause) : "unexpectedly";
  }

  /** With everything below; a link is given away itself and not what it leads to. */
  private static void own(Path path, TaskUser user) throws IOException {
    Files.setAttribute(path, "unix:uid", user.uid(), LinkOption.NOFOLLOW_LINKS);
    Files.setAttribute(path, "unix:gid", user.gid(), LinkOption.NOFOLLOW_LINKS);
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> children = Files.newDirectoryStream(path)) {
        for (Path child : children) {
          own(child, user);
        }
      }
    }
  }

  private Optional<TaskExit> checkStart(Path workingDir) {
    try {
      Files.createDirectories(workingDir);
    } catch (IOException e) {
      return Optional.of(
          Endings.notCreated(
              "the working directory " + workingDir + " can't be made: " + Endings.words(e)));
    }
    String name = program;
    String obstacle = name == null ? null : Launch.obstacle(name, programPath, workingDir);
    return obstacle == null
        ? Optional.empty()
        : Optional.of(Endings.notCreated("commands: " + obstacle));
  }

  private @Nullable String unpack(TaskRequest.FileMount mount, Path work, TaskUser user)
      throws IOException {
    Path archive = surroundings.archives().path(mount.hash());
    Path destination = resolve(Path.of(journal.state().workingDir()), mount.path(), user);
    if (user.other() && !destination.startsWith(work)) {
      return "files: '"
          + mount.path()
          + "' lies outside of the task's own directory, which needs a task without another user";
    }
    try {
      Files.setLastModifiedTime(archive, FileTime.from(surroundings.clock().instant()));
      Unpacker.unpack(archive, destination, mount.path().endsWith("/"), user);
      return null;
    } catch (NoSuchFileException e) {
      return Files.exists(archive)
          ? "files: '" + mount.path() + "' could not be unpacked: " + Endings.words(e)
          : "files: the archive "
              + mount.hash()
              + " for '"
              + mount.path()
              + "' is not on this host";
    } catch (IOException e) {
      if (Durable.isDiskFull(e)) {
        return "files: the disk of the host is full, '" + mount.path() + "' could not be unpacked";
      }
      return "files: '" + mount.path() + "' could not be unpacked: " + Endings.words(e);
    }
  }

  /** Absolute, below the home of the user, or below the task's directory. */
  static Path resolve(Path work, String path, TaskUser user) {
    if (path.equals("~") || path.startsWith("~/")) {
      return Path.of(user.home()).resolve(path.substring(Math.min(2, path.length()))).normalize();
    }
    return work.resolve(path).normalize();
  }

  private static @Nullable String closedTo(TaskUser user, Path work)
      throws IOException, InterruptedException {
    Process probe =
        new ProcessBuilder(
                "setpriv",
                "--reuid=" + user.uid(),
                "--regid=" + user.gid(),
                user.known() ? "--init-groups" : "--clear-groups",
                "/bin/sh",
                "-c",
                "cd -- \"$0\"",
                work.toString())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    probe.getOutputStream().close();
    if (!probe.waitFor(30, TimeUnit.SECONDS)) {
      probe.destroyForcibly();
    }
    return !probe.isAlive() && probe.exitValue() == 0
        ? null
        : "user: "
            + user.name()
            + " can't reach the task's directory "
            + work
            + "; set DSTACK_SERVER_DIR to a directory whose parents this user may enter";
  }
}
