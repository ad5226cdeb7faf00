package dev.dstack.agent.task;

import dev.dstack.agent.AgentHome;
import dev.dstack.agent.AgentLog;
import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.Durable;
import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** All tasks of this host. */
public final class TaskManager implements AutoCloseable {
  static final int MAX_UNFINISHED = Integer.getInteger("dstack.agent.max-tasks", 2_000);
  static final int MAX_KNOWN = 20_000;
  static final int MAX_FILES = 1_000;
  private static final Duration KEPT = Duration.ofDays(7);

  private final AgentHome home;
  private final AgentLog log;
  private final InstantSource clock;
  private final Archives archives;
  private final String bootId = Processes.bootId();
  private final TaskUser agentUser = TaskUser.ofAgent();
  private final Map<JobId, HostTask> tasks = new ConcurrentHashMap<>();
  private final Map<JobId, Thread> drivers = new ConcurrentHashMap<>();
  private final Map<WatchKey, HostTask> watches = new ConcurrentHashMap<>();
  private final ReentrantLock submitting = new ReentrantLock();
  private final @Nullable WatchService watcher;
  private final @Nullable String taskUser;

  /**
   * @param taskUser absent: a task runs as the agent's user, or as the one it asks for
   * @throws DstackException INVALID_SPEC when the agent can't act as this user
   */
  public TaskManager(AgentHome home, AgentLog log, InstantSource clock, @Nullable String taskUser)
      throws IOException {
    this.taskUser = taskUser;
    TaskUser.resolve(taskUser, agentUser);
    this.home = home;
    this.log = log;
    this.clock = clock;
    this.archives = new Archives(home.archives());
    this.watcher = watchService();
    if (watcher != null) {
      WatchService service = watcher;
      Thread.ofPlatform().daemon().name("output-watch").start(() -> dispatch(service));
    }
  }

  public Archives archives() {
    return archives;
  }

  public String bootId() {
    return bootId;
  }

  private @Nullable WatchService watchService() {
    try {
      return FileSystems.getDefault().newWatchService();
    } catch (IOException e) {
      log.warn("the kernel gives no file notifications; output is looked for instead", e);
      return null;
    }
  }

  // --- recovery ----------------------------------------------------------------------------------

  /** Takes up the tasks of an earlier agent; forgets those that ended long ago. */
  public void recover() throws IOException {
    Instant tooOld = clock.instant().minus(KEPT);
    archives.forget(tooOld);
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(home.tasks())) {
      for (Path directory : directories) {
        recover(directory, tooOld);
      }
    }
    Thread.ofVirtual().name("trash").start(this::emptyTrash);
  }

  private void recover(Path directory, Instant tooOld) throws IOException {
    Path file = directory.resolve("state.json");
    if (!Files.exists(file)) {
      // Nobody was told that this one had been accepted.
      throwAway(directory);
      return;
    }
    TaskState state;
    try {
      state = Json.lenient().readValue(Files.readAllBytes(file), TaskState.class);
    } catch (JacksonException e) {
      log.warn("the state in " + directory + " can't be read and is left alone", e);
      return;
    }
    Instant finished = state.finishedAt();
    if (state.phase() == Phase.EXITED && finished != null && finished.isBefore(tooOld)) {
      throwAway(directory);
      return;
    }
    HostTask task = new HostTask(directory, state, clock, log, archives, bootId, agentUser);
    tasks.put(state.id(), task);
    if (state.phase() != Phase.EXITED) {
      log.info(state.id() + " is taken up again, it was " + state.phase());
      start(task);
    }
  }

  // --- operations --------------------------------------------------------------------------------

  public TaskInfo submit(TaskRequest request) throws IOException {
    check(request);
    submitting.lock();
    try {
      HostTask known = tasks.get(request.id());
      if (known != null) {
        return known.info();
      }
      long unfinished =
          tasks.values().stream().filter(task -> task.state().phase() != Phase.EXITED).count();
      if (unfinished >= MAX_UNFINISHED || tasks.size() >= MAX_KNOWN) {
        throw new DstackException(
            ErrorKind.QUOTA_EXCEEDED,
            "this host has "
                + unfinished
                + " unfinished of "
                + tasks.size()
                + " tasks, the limits are "
                + MAX_UNFINISHED
                + " and "
                + MAX_KNOWN);
      }
      return accept(request).info();
    } catch (IOException e) {
      if (Durable.isDiskFull(e)) {
        throw new DstackException(
            ErrorKind.DISK_FULL, "the disk of the host is full (" + home.tasks() + ")", e);
      }
      throw e;
    } finally {
      submitting.unlock();
    }
  }

  private HostTask accept(TaskRequest request) throws IOException {
    String userName = userOf(request);
    TaskUser user = TaskUser.resolve(userName, agentUser);
    Path directory = home.tasks().resolve(request.id().toString());
    Path work = HostTask.work(directory);
    String wanted = request.workingDir();
    Path workingDir =
        wanted == null || wanted.isBlank() ? work : HostTask.resolve(work, wanted, user);
    Map<String, String> env = Launch.environment(request, user);
    Durable.removeTree(directory);
    Durable.directory(directory, "rwx--x--x");
    Durable.directory(HostTask.io(directory), "rwx------");
    HostTask.writeStart(directory, request, env, workingDir);
    TaskState state =
        new TaskState(
            request.id(),
            request.name() == null ? "" : request.name(),
            workingDir.toString(),
            user.name(),
            userName,
            request.files(),
            request.maxDurationSeconds(),
            Math.max(0, request.stopGraceSeconds()),
            request.logQuotaBytesPerHour(),
            Phase.ACCEPTED,
            1,
            bootId,
            clock.instant(),
            null,
            null,
            null,
            null);
    HostTask.write(directory, state, true);
    Durable.syncDirectory(home.tasks());
    CrashPoint.ACCEPTED.reached();
    HostTask task = new HostTask(directory, state, clock, log, archives, bootId, agentUser);
    if (!user.other()) {
      String program = request.command().getFirst();
      task.program(program, env.getOrDefault("PATH", Launch.DEFAULT_PATH));
    }
    tasks.put(request.id(), task);
    log.info(request.id() + " is accepted: " + state.name() + " as " + user.name());
    start(task);
    return task;
  }

  private @Nullable String userOf(TaskRequest request) {
    String wanted = request.user();
    if (taskUser == null) {
      return wanted;
    }
    if (wanted != null && !wanted.isBlank() && !wanted.equals(taskUser)) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "user: this host runs tasks as " + taskUser + " only, not as " + wanted);
    }
    return taskUser;
  }

  private void check(TaskRequest request) {
    if (request.id() == null) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "id: is missing");
    }
    Launch.check(request);
    if (request.files().size() > MAX_FILES) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "files: has " + request.files().size() + " entries, the limit is " + MAX_FILES);
    }
    for (TaskRequest.FileMount mount : request.files()) {
      if (mount.hash() == null || mount.path() == null || mount.path().isBlank()) {
        throw new DstackException(ErrorKind.INVALID_SPEC, "files: an entry needs hash and path");
      }
      checkPath("files", mount.path());
      if (!archives.has(mount.hash())) {
        throw new DstackException(
            ErrorKind.FILE_NOT_FOUND,
            "files: the archive " + mount.hash() + " for '" + mount.path() + "' was not uploaded");
      }
    }
    String workingDir = request.workingDir();
    if (workingDir != null) {
      checkPath("working_dir", workingDir);
    }
    Long maximum = request.maxDurationSeconds();
    if (maximum != null && maximum <= 0) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "max_duration_seconds: must be above 0, is " + maximum);
    }
  }

  private static void checkPath(String field, String path) {
    try {
      Path parsed = Path.of(path);
      boolean climbs = !parsed.isAbsolute() && parsed.normalize().startsWith("..");
      if (climbs || path.indexOf('\n') >= 0) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC, field + ": '" + path + "' leads out of the task's directory");
      }
    } catch (InvalidPathException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, field + ": not a path", e);
    }
  }

  public List<TaskInfo> list() {
    List<TaskInfo> all = new ArrayList<>();
    tasks.values().forEach(task -> all.add(task.info()));
    return all;
  }

  public Optional<TaskInfo> find(JobId id) {
    return Optional.ofNullable(tasks.get(id)).map(HostTask::info);
  }

  public Optional<TaskInfo> watch(JobId id, long since, long logOffset, Duration wait)
      throws InterruptedException {
    HostTask task = tasks.get(id);
    return task == null ? Optional.empty() : Optional.of(task.await(since, logOffset, wait));
  }

  public Optional<TaskInfo> stop(JobId id, StopRequest request) throws IOException {
    HostTask task = tasks.get(id);
    return task == null ? Optional.empty() : Optional.of(task.stop(request));
  }

  /** A readable piece of a log: its length is known before it is copied. */
  public record Piece(HostTask task, long offset, long length) {
    public void copyTo(OutputStream out) throws IOException {
      task.copyLog(offset, length, out);
    }
  }

  public Optional<Piece> log(JobId id, long offset, long limit) {
    HostTask task = tasks.get(id);
    return task == null
        ? Optional.empty()
        : Optional.of(new Piece(task, offset, task.logAvailable(offset, limit)));
  }

  /** False: it still runs. */
  public boolean remove(JobId id) throws IOException {
    submitting.lock();
    try {
      HostTask task = tasks.get(id);
      if (task == null) {
        return true;
      }
      if (task.info().status() != TaskStatus.EXITED) {
        return false;
      }
      Thread driver = drivers.get(id);
      if (driver != null) {
        // It only waits for room on a full disk to write down the end.
        driver.interrupt();
      }
      throwAway(task.directory());
      tasks.remove(id);
    } finally {
      submitting.unlock();
    }
    Thread.ofVirtual().name("trash").start(this::emptyTrash);
    return true;
  }

  // --- threads -----------------------------------------------------------------------------------

  private void start(HostTask task) {
    Thread thread =
        Thread.ofVirtual()
            .name("task-" + task.id())
            .unstarted(
                () -> {
                  WatchKey key = watch(task);
                  try {
                    task.drive();
                  } finally {
                    if (key != null) {
                      key.cancel();
                      watches.remove(key);
                    }
                    drivers.remove(task.id());
                  }
                });
    drivers.put(task.id(), thread);
    thread.start();
  }

  private @Nullable WatchKey watch(HostTask task) {
    if (watcher == null) {
      return null;
    }
    try {
      WatchKey key =
          HostTask.io(task.directory())
              .register(
                  watcher,
                  StandardWatchEventKinds.ENTRY_CREATE,
                  StandardWatchEventKinds.ENTRY_MODIFY);
      watches.put(key, task);
      task.watched(true);
      return key;
    } catch (IOException e) {
      log.warn(task.id() + ": no file notifications, its output is looked for instead", e);
      return null;
    }
  }

  private void dispatch(WatchService service) {
    try {
      while (true) {
        WatchKey key = service.take();
        key.pollEvents();
        HostTask task = watches.get(key);
        if (task != null) {
          task.wake();
        }
        key.reset();
      }
    } catch (InterruptedException | ClosedWatchServiceException e) {
      log.info("file notifications end");
    }
  }

  /** Moved first, so that a half-removed task is never taken for one. */
  private void throwAway(Path directory) throws IOException {
    Files.move(
        directory,
        home.trash().resolve(UUID.randomUUID().toString()),
        StandardCopyOption.ATOMIC_MOVE);
  }

  private void emptyTrash() {
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(home.trash())) {
      for (Path directory : directories) {
        Durable.removeTree(directory);
      }
    } catch (IOException e) {
      log.warn("a removed task's files could not all be deleted", e);
    }
  }

  /** Stops following; the tasks themselves go on. */
  @Override
  public void close() throws IOException {
    drivers.values().forEach(Thread::interrupt);
    if (watcher != null) {
      watcher.close();
    }
  }
}
