package dev.dstack.agent.task;

import dev.dstack.agent.AgentHome;
import dev.dstack.agent.AgentLog;
import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.Durable;
import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.docker.EngineAwayException;
import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.repo.RepoCheckout;
import dev.dstack.agent.runner.IoFiles;
import dev.dstack.agent.ssh.TaskAccess;
import dev.dstack.agent.volume.HostVolumes;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** All tasks of this host. */
public final class TaskManager implements AutoCloseable {
  static final int MAX_UNFINISHED = Integer.getInteger("dstack.agent.max-tasks", 2_000);
  static final int MAX_KNOWN = 20_000;
  private static final Duration KEPT = Duration.ofDays(7);
  private static final int MOST_RUNNER_LOG_BYTES = 1 << 20;
  private static final long SWEEP_SECONDS = 60;
  private static final Pattern JOB_ID =
      Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  private final AgentHome home;
  private final AgentLog log;
  private final InstantSource clock;
  private final Archives archives;
  private final TaskChecks checks;
  private final Surroundings surroundings;
  private final Map<JobId, Task> tasks = new ConcurrentHashMap<>();
  private final Map<JobId, Thread> drivers = new ConcurrentHashMap<>();
  private final Map<WatchKey, Task> watches = new ConcurrentHashMap<>();
  private final ReentrantLock submitting = new ReentrantLock();
  private final @Nullable WatchService watcher;
  private final @Nullable String taskUser;

  /**
   * @param taskUser absent: a task runs as the agent's user, or as the one it asks for
   * @throws DstackException INVALID_SPEC when the agent can't act as this user
   */
  public TaskManager(
      AgentHome home,
      AgentLog log,
      InstantSource clock,
      @Nullable String taskUser,
      ContainerHost containers)
      throws IOException {
    TaskUser agentUser = TaskUser.ofAgent();
    TaskUser.resolve(taskUser, agentUser);
    this.taskUser = taskUser;
    this.home = home;
    this.log = log;
    this.clock = clock;
    this.archives = new Archives(home.archives());
    this.checks = new TaskChecks(archives);
    this.surroundings =
        new Surroundings(
            clock,
            log,
            archives,
            Processes.bootId(),
            agentUser,
            containers,
            new HostVolumes(home.directory().resolve("volumes"), log));
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
    return surroundings.bootId();
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
    Thread.ofVirtual().name("sweep").start(this::sweep);
  }

  /** Containers that no task has are removed, as soon as there is an engine that knows of them. */
  private void sweep() {
    try {
      while (true) {
        try {
          List<String> removed =
              surroundings
                  .containers()
                  .sweep(
                      id -> {
                        Task task = JOB_ID.matcher(id).matches() ? tasks.get(JobId.of(id)) : null;
                        return task != null && task.phase() != Phase.EXITED;
                      });
          removed.forEach(id -> log.info("the container of " + id + " is removed: nobody's"));
        } catch (EngineAwayException e) {
          // Without an engine there is nothing to sweep; one may be started later.
          TimeUnit.SECONDS.sleep(1);
        }
        TimeUnit.SECONDS.sleep(SWEEP_SECONDS);
      }
    } catch (InterruptedException e) {
      log.info("sweeping ends");
    }
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
    Task task = new Task(directory, state, surroundings);
    tasks.put(state.id(), task);
    if (state.phase() != Phase.EXITED) {
      log.info(state.id() + " is taken up again, it was " + state.phase());
      start(task);
    }
  }

  // --- operations --------------------------------------------------------------------------------

  public TaskInfo submit(TaskRequest request) throws IOException {
    checks.check(request);
    submitting.lock();
    try {
      Task known = tasks.get(request.id());
      if (known != null) {
        return known.info();
      }
      long unfinished =
          tasks.values().stream().filter(task -> task.phase() != Phase.EXITED).count();
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

  private Task accept(TaskRequest request) throws IOException {
    Path directory = home.tasks().resolve(request.id().toString());
    Durable.removeTree(directory);
    TaskState state =
        request.container() == null
            ? acceptProcess(directory, request)
            : accept(directory, request);
    Journal.write(directory, state, true);
    Durable.syncDirectory(home.tasks());
    CrashPoint.ACCEPTED.reached();
    Task task = new Task(directory, state, surroundings);
    TaskUser agentUser = surroundings.agentUser();
    if (task.execution() instanceof HostProcess process
        && !TaskUser.resolve(state.user(), agentUser).other()) {
      Map<String, String> env = Launch.environment(request, agentUser);
      process
          .preparation()
          .program(request.command().getFirst(), env.getOrDefault("PATH", Launch.DEFAULT_PATH));
    }
    tasks.put(request.id(), task);
    log.info(
        request.id()
            + " is accepted: "
            + state.name()
            + (request.container() == null
                ? " as " + state.username()
                : " in " + request.container().image()));
    start(task);
    return task;
  }

  private TaskState acceptProcess(Path directory, TaskRequest request) throws IOException {
    String userName = userOf(request);
    TaskUser user = TaskUser.resolve(userName, surroundings.agentUser());
    Path work = Task.work(directory);
    String wanted = request.workingDir();
    Path workingDir =
        wanted == null || wanted.isBlank() ? work : HostPreparation.resolve(work, wanted, user);
    Durable.directory(directory, "rwx--x--x");
    Durable.directory(Task.io(directory), "rwx------");
    Map<String, String> env = Launch.environment(request, user);
    RepoRequest repo = request.repo();
    if (repo != null) {
      env.putIfAbsent(
          "DSTACK_REPO_DIR", RepoCheckout.place(repo, workingDir, user.home()).toString());
      HostPreparation.keep(directory, repo);
    }
    NodesRequest nodes = request.nodes();
    if (nodes != null) {
      Path hostfile = directory.resolve(IoFiles.HOSTFILE);
      byte[] lines = nodes.hostfile().getBytes(StandardCharsets.UTF_8);
      Durable.write(hostfile, lines, "rw-r--r--", false);
      env.putIfAbsent("DSTACK_MPI_HOSTFILE", hostfile.toString());
    }
    byte[] script = Launch.startScript(request, env, workingDir);
    Durable.write(directory.resolve("start.sh"), script, "rw-------", false);
    TaskAccess.keep(directory, request.access());
    TaskVolumes.keep(directory, request.volumes());
    return state(request, workingDir.toString(), user.name(), userName);
  }

  private TaskState accept(Path directory, TaskRequest request) throws IOException {
    ContainerRequest container = container(request);
    ContainerFiles.make(directory, request, Objects.requireNonNull(container));
    TaskVolumes.keep(directory, request.volumes());
    return state(request, "", "", request.user());
  }

  private TaskState state(
      TaskRequest request, String workingDir, String username, @Nullable String user) {
    ContainerRequest container = container(request);
    return new TaskState(
        request.id(),
        request.name() == null ? "" : request.name(),
        workingDir,
        username,
        user,
        request.files(),
        request.maxDurationSeconds(),
        Math.max(0, request.stopGraceSeconds()),
        request.logQuotaBytesPerHour(),
        container == null ? null : ContainerFiles.withoutCredentials(container),
        Phase.ACCEPTED,
        1,
        surroundings.bootId(),
        clock.instant(),
        null,
        null,
        null,
        Map.of(),
        null,
        null);
  }

  private @Nullable ContainerRequest container(TaskRequest request) {
    ContainerRequest container = request.container();
    return container == null ? null : surroundings.volumes().into(container, request.volumes());
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

  public List<TaskInfo> list() {
    List<TaskInfo> all = new ArrayList<>();
    tasks.values().forEach(task -> all.add(task.info()));
    return all;
  }

  public Optional<TaskInfo> find(JobId id) {
    return Optional.ofNullable(tasks.get(id)).map(Task::info);
  }

  public Optional<TaskInfo> watch(JobId id, long since, long logOffset, Duration wait)
      throws InterruptedException {
    Task task = tasks.get(id);
    return task == null ? Optional.empty() : Optional.of(task.await(since, logOffset, wait));
  }

  public Optional<TaskInfo> stop(JobId id, StopRequest request) throws IOException {
    Task task = tasks.get(id);
    return task == null ? Optional.empty() : Optional.of(task.stop(request));
  }

  /** What a task uses; empty: it does not run. */
  public Optional<TaskMetrics> metrics(JobId id) throws IOException, InterruptedException {
    Task task = tasks.get(id);
    return task == null ? Optional.empty() : task.metrics();
  }

  /**
   * What the runner of a container said of itself, from an offset on.
   *
   * @return empty: there is no such task
   */
  public Optional<byte[]> runnerLog(JobId id, long offset) throws IOException {
    Task task = tasks.get(id);
    if (task == null) {
      return Optional.empty();
    }
    Path file = Task.io(task.directory()).resolve(IoFiles.RUNNER_LOG);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.of(new byte[0]);
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      in.skip(offset);
      return Optional.of(in.readNBytes(MOST_RUNNER_LOG_BYTES));
    }
  }

  /** A readable piece of a log: its length is known before it is copied. */
  public record Piece(Task task, long offset, long length) {
    public void copyTo(OutputStream out) throws IOException {
      task.copyLog(offset, length, out);
    }
  }

  public Optional<Piece> log(JobId id, long offset, long limit) {
    Task task = tasks.get(id);
    return task == null
        ? Optional.empty()
        : Optional.of(new Piece(task, offset, task.logAvailable(offset, limit)));
  }

  /** False: it still runs. */
  public boolean remove(JobId id) throws IOException {
    submitting.lock();
    try {
      Task task = tasks.get(id);
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

  private void start(Task task) {
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

  private @Nullable WatchKey watch(Task task) {
    if (watcher == null) {
      return null;
    }
    try {
      WatchKey key =
          Task.io(task.directory())
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
        Task task = watches.get(key);
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
