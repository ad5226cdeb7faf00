package dev.dstack.agent.task;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.Durable;
import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.Processes.Proc;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.log.TaskLog;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One task. A virtual thread of its own, {@link #drive}, is the only one that does anything to it;
 * callers read the state, note that it should stop, or wait for news.
 */
final class HostTask {
  private static final Duration HOLD_LINE = Duration.ofMillis(30);
  private static final Duration LOOK = Duration.ofSeconds(5);
  private static final Duration DRAIN = Duration.ofSeconds(5);
  private static final long PAUSE_MILLIS = 5;
  private static final long FILE_TIME_LAG_MILLIS = 20;
  private static final long SAVE_AGAIN_MILLIS = 1_000;

  private final Path directory;
  private final InstantSource clock;
  private final AgentLog agentLog;
  private final Archives archives;
  private final String bootId;
  private final TaskUser agentUser;
  private final TaskLog log;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition wake = lock.newCondition();
  private final Condition news = lock.newCondition();
  private boolean woken;
  private volatile TaskState state;
  private volatile boolean watched;
  private volatile boolean unsaved;

  private @Nullable Process spawned;
  private @Nullable Signs lastSigns;
  private @Nullable String program;
  private String programPath = "";
  private @Nullable Instant heldSince;
  private Instant nextLook = Instant.EPOCH;
  private Instant nextKill = Instant.EPOCH;
  private long pollMillis = 20;

  HostTask(
      Path directory,
      TaskState state,
      InstantSource clock,
      AgentLog agentLog,
      Archives archives,
      String bootId,
      TaskUser agentUser)
      throws IOException {
    this.directory = directory;
    this.state = state;
    this.clock = clock;
    this.agentLog = agentLog;
    this.archives = archives;
    this.bootId = bootId;
    this.agentUser = agentUser;
    this.log = new TaskLog(io(directory).resolve("log"), directory.resolve("index"));
  }

  static Path io(Path directory) {
    return directory.resolve("io");
  }

  static Path work(Path directory) {
    return directory.resolve("work");
  }

  JobId id() {
    return state.id();
  }

  TaskState state() {
    return state;
  }

  Path directory() {
    return directory;
  }

  TaskInfo info() {
    // The log first: a final status must come with the final end.
    TaskState now = state;
    return new TaskInfo(
        now.id(),
        now.phase().status(),
        now.seq(),
        log.end(),
        now.startedAt(),
        now.finishedAt(),
        now.workingDir(),
        now.username(),
        now.exit());
  }

  // --- for callers -------------------------------------------------------------------------------

  /** Something happened in the task's directory. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      wake.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Whether somebody calls {@link #wake} when output arrives; otherwise it is looked for. */
  void watched(boolean value) {
    watched = value;
  }

  /** What to look for before the start, to say in words that it is missing. */
  void program(String name, String path) {
    program = name;
    programPath = path;
  }

  TaskInfo await(long since, long logOffset, Duration wait) throws InterruptedException {
    long left = wait.toNanos();
    lock.lock();
    try {
      while (state.seq() <= since
          && log.end() <= logOffset
          && state.phase() != Phase.EXITED
          && left > 0) {
        left = news.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
    return info();
  }

  TaskInfo stop(StopRequest request) throws IOException {
    requestStop(request.reason(), Duration.ofSeconds(Math.max(0, request.graceSeconds())), "");
    return info();
  }

  long logAvailable(long offset, long limit) {
    return log.available(offset, limit);
  }

  void copyLog(long offset, long length, OutputStream out) throws IOException {
    log.copy(offset, length, out);
  }

  private void requestStop(JobTerminationReason reason, Duration grace, String message)
      throws IOException {
    Instant now = clock.instant();
    lock.lock();
    try {
      TaskState before = state;
      if (before.phase() == Phase.EXITED) {
        return;
      }
      TaskState.Stop earlier = before.stop();
      TaskState.Stop stop =
          earlier == null
              ? new TaskState.Stop(reason, now, now.plus(grace), false, message)
              : earlier.sooner(now.plus(grace));
      if (!stop.equals(earlier)) {
        TaskState after = before.stopping(stop);
        save(after, true);
        state = after;
        agentLog.info(id() + " is to stop: " + reason.wire() + ", killed after " + grace);
      }
    } finally {
      lock.unlock();
    }
    CrashPoint.STOP_JOURNALED.reached();
    wake();
  }

  // --- the task's own thread ---------------------------------------------------------------------

  void drive() {
    try {
      if (state.phase() == Phase.ACCEPTED && !prepare()) {
        return;
      }
      if (state.phase() == Phase.STARTING && !launch()) {
        return;
      }
      follow();
    } catch (InterruptedException e) {
      agentLog.info(id() + " is left to itself, the agent ends");
    } catch (IOException | RuntimeException e) {
      agentLog.warn(id() + ": the agent failed", e);
      abandon(e);
    } finally {
      try {
        log.close();
      } catch (IOException e) {
        agentLog.warn(id() + ": closing the log", e);
      }
    }
  }

  /** False: the task is over before it began. */
  private boolean prepare() throws IOException, InterruptedException {
    if (!state.bootId().equals(bootId)) {
      return over(
          JobTerminationReason.EXECUTOR_ERROR, "the host was rebooted before the task started");
    }
    if (state.stop() != null) {
      return overByStop();
    }
    TaskUser user = TaskUser.resolve(state.user(), agentUser);
    Path work = work(directory);
    try {
      Durable.removeTree(work);
      Durable.directory(work, "rwx------");
      Durable.directory(io(directory), "rwx------");
      if (user.other()) {
        Files.setAttribute(work, "unix:uid", user.uid());
        Files.setAttribute(work, "unix:gid", user.gid());
        String closed = closedTo(user, work);
        if (closed != null) {
          return over(JobTerminationReason.CREATING_CONTAINER_ERROR, closed);
        }
      }
      for (TaskRequest.FileMount mount : state.files()) {
        if (state.stop() != null) {
          return overByStop();
        }
        String problem = unpack(mount, work, user);
        if (problem != null) {
          return over(JobTerminationReason.CREATING_CONTAINER_ERROR, problem);
        }
      }
      if (!user.other()) {
        Path workingDir = Path.of(state.workingDir());
        try {
          Files.createDirectories(workingDir);
        } catch (IOException e) {
          return over(
              JobTerminationReason.CREATING_CONTAINER_ERROR,
              "the working directory " + workingDir + " can't be made: " + words(e));
        }
        String name = program;
        String obstacle = name == null ? null : Launch.obstacle(name, programPath, workingDir);
        if (obstacle != null) {
          return over(JobTerminationReason.CREATING_CONTAINER_ERROR, "commands: " + obstacle);
        }
      }
    } catch (IOException e) {
      return over(
          JobTerminationReason.CREATING_CONTAINER_ERROR,
          Durable.isDiskFull(e)
              ? "the disk of the host is full (" + directory + "): the task could not be prepared"
              : "the task's directory could not be prepared: " + words(e));
    }
    transition(TaskState::starting);
    CrashPoint.BEFORE_FORK.reached();
    return true;
  }

  private @Nullable String unpack(TaskRequest.FileMount mount, Path work, TaskUser user)
      throws IOException {
    Path archive = archives.path(mount.hash());
    Path destination = resolve(Path.of(state.workingDir()), mount.path(), user);
    if (user.other() && !destination.startsWith(work)) {
      return "files: '"
          + mount.path()
          + "' lies outside of the task's own directory, which needs a task without another user";
    }
    try {
      Files.setLastModifiedTime(archive, FileTime.from(clock.instant()));
      Unpacker.unpack(archive, destination, mount.path().endsWith("/"), user);
      return null;
    } catch (NoSuchFileException e) {
      return Files.exists(archive)
          ? "files: '" + mount.path() + "' could not be unpacked: " + words(e)
          : "files: the archive "
              + mount.hash()
              + " for '"
              + mount.path()
              + "' is not on this host";
    } catch (IOException e) {
      if (Durable.isDiskFull(e)) {
        return "files: the disk of the host is full, '" + mount.path() + "' could not be unpacked";
      }
      return "files: '" + mount.path() + "' could not be unpacked: " + words(e);
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

  /** False: the task is over. */
  private boolean launch() throws IOException, InterruptedException {
    Signs signs = look();
    if (signs.started()) {
      return true;
    }
    if (!state.bootId().equals(bootId)) {
      return over(
          JobTerminationReason.EXECUTOR_ERROR, "the host was rebooted before the task started");
    }
    if (state.stop() != null && forbidStart()) {
      return overByStop();
    }
    if (!Files.exists(directory.resolve("start.sh"))) {
      // Some supervisor has been there already; its marker is about to appear or it died.
      return !forbidStart()
          || over(JobTerminationReason.EXECUTOR_ERROR, "the start script is gone");
    }
    TaskUser user = TaskUser.resolve(state.user(), agentUser);
    try {
      spawned = Launch.spawn(directory, io(directory), user);
    } catch (IOException e) {
      return !forbidStart()
          || over(
              JobTerminationReason.EXECUTOR_ERROR,
              "no process could be started on the host: " + words(e));
    }
    CrashPoint.AFTER_FORK.reached();
    return true;
  }

  /** Takes the one right to start the command; false: a supervisor has it. */
  private boolean forbidStart() throws IOException {
    try {
      Files.createFile(io(directory).resolve("started"));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  private void follow() throws IOException, InterruptedException {
    boolean supervisorSeenDead = false;
    while (true) {
      boolean grew = tail();
      Signs signs = look();
      Instant now = clock.instant();
      if (state.phase() == Phase.STARTING && signs.leader() != null) {
        // When it started and not when that was noticed: the agent may have been away.
        Instant started = changed("pid", now);
        transition(before -> before.running(started));
        agentLog.info(id() + " runs, process " + signs.leader().proc().pid());
        CrashPoint.RUNNING.reached();
      }
      if (signs.exit().isPresent()) {
        finish(drain(signs));
        return;
      }
      if (!signs.started()) {
        Process process = spawned;
        if ((state.stop() != null || process == null || !process.isAlive()) && forbidStart()) {
          if (state.stop() != null) {
            overByStop();
          } else {
            over(JobTerminationReason.EXECUTOR_ERROR, "the task's supervisor did not start");
          }
          return;
        }
      } else if (!now.isBefore(nextLook)) {
        nextLook = now.plus(LOOK);
        Signs.Known supervisor = signs.supervisor();
        if (supervisor == null || !supervisor.isAlive(bootId)) {
          if (supervisorSeenDead) {
            vanished(signs);
            return;
          }
          // Its last act may have been the renaming that the next pass sees; or it is writing now.
          supervisorSeenDead = true;
          nextLook = now.plusMillis(supervisor == null ? 3_000 : 50);
        }
      }
      if (state.phase() == Phase.RUNNING) {
        limits(signs, now, grew);
      }
      press(signs, now);
      saveLater();
      pause(grew, now);
    }
  }

  private Signs look() throws IOException {
    Signs seen = Signs.read(io(directory), lastSigns);
    lastSigns = seen;
    return seen;
  }

  /** True: there was output. */
  private boolean tail() throws IOException {
    Instant now = clock.instant();
    Instant held = heldSince;
    boolean flush = held != null && !now.isBefore(held.plus(HOLD_LINE));
    TaskLog.Pass pass;
    try {
      pass = log.tail(now, flush);
    } catch (IOException e) {
      if (!Durable.isDiskFull(e)) {
        throw e;
      }
      // Nothing is lost: the output itself is in the raw file, its index is made once there is
      // room.
      return false;
    }
    if (pass.grew() || !pass.held()) {
      heldSince = pass.held() ? now : null;
    } else if (held == null) {
      heldSince = now;
    }
    if (pass.grew()) {
      announce();
      CrashPoint.TAILED.reached();
    }
    return pass.grew();
  }

  private void limits(Signs signs, Instant now, boolean grew) throws IOException {
    if (state.stop() != null) {
      return;
    }
    Duration grace = Duration.ofSeconds(state.stopGraceSeconds());
    Instant started = state.startedAt();
    Long maximum = state.maxDurationSeconds();
    if (signs.logged().isPresent()) {
      requestStop(
          JobTerminationReason.EXECUTOR_ERROR,
          grace,
          diskIsFull()
              ? "the disk of the host is full, output could not be stored"
              : "the process that collects the output ended");
    } else if (maximum != null && started != null && !now.isBefore(started.plusSeconds(maximum))) {
      requestStop(
          JobTerminationReason.MAX_DURATION_EXCEEDED,
          grace,
          "it ran longer than max_duration, " + maximum + " s");
    } else if (grew && state.logQuotaBytesPerHour() > 0) {
      long bytes = log.bytesSince(now.minus(Duration.ofHours(1)));
      if (bytes > state.logQuotaBytesPerHour()) {
        requestStop(
            JobTerminationReason.LOG_QUOTA_EXCEEDED,
            grace,
            "it wrote more than " + state.logQuotaBytesPerHour() + " bytes of output in an hour");
      }
    }
  }

  /** Carries out a wish to stop. */
  private void press(Signs signs, Instant now) throws IOException, InterruptedException {
    TaskState.Stop stop = state.stop();
    Signs.Known leader = signs.leader();
    if (stop == null || leader == null) {
      return;
    }
    if (!now.isBefore(stop.killAt())) {
      if (!now.isBefore(nextKill)) {
        nextKill = now.plusSeconds(1);
        killAll(leader);
      }
    } else if (!stop.termSent()) {
      if (leader.isAlive(bootId)) {
        Processes.signal("TERM", List.of(-leader.proc().pid()));
      }
      transition(before -> before.stop() == null ? before : before.stopping(before.stop().sent()));
    }
  }

  /** The command has ended: so does everything it left behind, and then the log is complete. */
  private Signs drain(Signs first) throws IOException, InterruptedException {
    CrashPoint.EXIT_SEEN.reached();
    Instant deadline = clock.instant().plus(DRAIN);
    Signs signs = first;
    boolean killed = false;
    while (true) {
      Signs.Known leader = signs.leader();
      if (leader != null && leader.bootId().equals(bootId) && !killed) {
        killed = killAll(leader) == 0;
      }
      tail();
      if (signs.logged().isPresent() && (killed || leader == null)) {
        break;
      }
      Signs.Known supervisor = signs.supervisor();
      if (supervisor == null || !supervisor.isAlive(bootId)) {
        break;
      }
      if (clock.instant().isAfter(deadline)) {
        // Somebody who escaped still holds the pipe; what it writes is not the task's any more.
        killSupervisor(supervisor);
        break;
      }
      waitFor(killed ? 50 : 10);
      signs = look();
    }
    completeLog();
    return look();
  }

  private void completeLog() throws IOException, InterruptedException {
    Instant deadline = clock.instant().plus(DRAIN);
    while (true) {
      try {
        while (log.tail(clock.instant(), true).grew()) {
          announce();
        }
        return;
      } catch (IOException e) {
        if (!Durable.isDiskFull(e) || clock.instant().isAfter(deadline)) {
          agentLog.warn(id() + ": the end of the log could not be indexed", e);
          return;
        }
        waitFor(500);
      }
    }
  }

  private void finish(Signs signs) throws IOException, InterruptedException {
    int status = signs.exit().orElse(255);
    TaskState.Stop stop = state.stop();
    Instant finished = changed("exit-" + status, clock.instant());
    // The kernel's times of files lag behind the clock by up to a tick.
    if (stop != null && finished.plusMillis(FILE_TIME_LAG_MILLIS).isBefore(stop.at())) {
      stop = null;
    }
    TaskExit exit;
    if (stop != null) {
      exit = new TaskExit(stop.reason(), status, stop.message());
    } else if (signs.leader() == null && status == 125) {
      exit =
          new TaskExit(
              JobTerminationReason.EXECUTOR_ERROR,
              null,
              diskIsFull()
                  ? "the disk of the host is full, the task could not be started"
                  : "the task could not be started on the host");
    } else if (signs.logged().isPresent() && signs.logged().getAsInt() != 0) {
      exit =
          new TaskExit(
              JobTerminationReason.EXECUTOR_ERROR,
              status,
              diskIsFull()
                  ? "the disk of the host is full, output could not be stored"
                  : "the process that collects the output failed");
    } else if (status == 0) {
      exit = new TaskExit(JobTerminationReason.DONE_BY_RUNNER, 0, "");
    } else {
      exit = new TaskExit(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR, status, story(status));
    }
    end(exit, finished);
  }

  /** The moment of a file's renaming, which no program but the kernel decides. */
  private Instant changed(String name, Instant otherwise) {
    try {
      return ((FileTime) Files.getAttribute(io(directory).resolve(name), "unix:ctime")).toInstant();
    } catch (IOException e) {
      return otherwise;
    }
  }

  private static String story(int status) {
    return switch (status) {
      case 126 -> "the command is not executable";
      case 127 -> "a command was not found";
      case 129 -> "ended by signal 1 (HUP)";
      case 130 -> "ended by signal 2 (INT)";
      case 132 -> "ended by signal 4 (ILL)";
      case 134 -> "ended by signal 6 (ABRT)";
      case 135 -> "ended by signal 7 (BUS)";
      case 136 -> "ended by signal 8 (FPE)";
      case 137 -> "ended by signal 9 (KILL); the host may have run out of memory";
      case 139 -> "ended by signal 11 (SEGV)";
      case 143 -> "ended by signal 15 (TERM)";
      default -> status > 128 && status < 193 ? "ended by signal " + (status - 128) : "";
    };
  }

  /** The supervisor is dead and did not say how the command ended. */
  private void vanished(Signs signs) throws IOException, InterruptedException {
    Signs.Known leader = signs.leader();
    Signs.Known supervisor = signs.supervisor();
    boolean reboot =
        !state.bootId().equals(bootId)
            || (supervisor != null && !supervisor.bootId().equals(bootId));
    if (leader != null && !reboot) {
      for (int i = 0; i < 50 && killAll(leader) > 0; i++) {
        waitFor(20);
      }
    }
    completeLog();
    TaskState.Stop stop = state.stop();
    if (reboot) {
      end(
          new TaskExit(
              JobTerminationReason.EXECUTOR_ERROR,
              null,
              "the host was rebooted while the task ran"));
    } else if (stop != null) {
      end(new TaskExit(stop.reason(), 137, stop.message()));
    } else {
      end(
          new TaskExit(
              JobTerminationReason.EXECUTOR_ERROR,
              null,
              "the task's supervisor on the host was killed; the task was ended"));
    }
  }

  /** Kills what is alive of the task; answers how many that were. */
  private int killAll(Signs.Known leader) throws IOException, InterruptedException {
    if (!leader.bootId().equals(bootId)) {
      return 0;
    }
    Proc first = leader.proc();
    boolean leaderAlive = leader.isAlive(bootId);
    // A number that belongs to somebody else by now says nothing about sessions.
    boolean numberReused =
        !leaderAlive
            && Processes.find(first.pid()).filter(now -> now.start() != first.start()).isPresent();
    if (leaderAlive) {
      Processes.signal("KILL", List.of(-first.pid()));
    }
    String mark = id().toString();
    List<Proc> targets = new ArrayList<>();
    for (Processes.Seen seen : Processes.all()) {
      Proc proc = seen.proc();
      boolean inSession = !numberReused && proc.session() == first.pid();
      if (proc.start() >= first.start() && (inSession || seen.mark().equals(mark))) {
        targets.add(proc);
      }
    }
    Processes.kill(targets);
    return targets.size();
  }

  private static void killSupervisor(Signs.Known supervisor) {
    Processes.kill(
        Processes.all().stream()
            .map(Processes.Seen::proc)
            .filter(proc -> proc.session() == supervisor.proc().pid())
            .toList());
  }

  private void pause(boolean grew, Instant now) throws InterruptedException {
    long millis;
    if (grew) {
      // A busy task is looked at often, but not for each of its lines.
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      pollMillis = 20;
      return;
    }
    millis = Math.max(1, Duration.between(now, nextLook).toMillis());
    if (!watched) {
      pollMillis = Math.min(250, pollMillis + 5);
      millis = Math.min(millis, pollMillis);
    }
    if (state.phase() == Phase.STARTING) {
      millis = Math.min(millis, 100);
    }
    Instant held = heldSince;
    if (held != null) {
      millis = Math.min(millis, Duration.between(now, held.plus(HOLD_LINE)).toMillis() + 1);
    }
    TaskState.Stop stop = state.stop();
    if (stop != null) {
      Instant next = now.isBefore(stop.killAt()) ? stop.killAt() : nextKill;
      millis = Math.min(millis, Duration.between(now, next).toMillis() + 1);
    } else if (state.maxDurationSeconds() != null && state.startedAt() != null) {
      Instant end = state.startedAt().plusSeconds(state.maxDurationSeconds());
      millis = Math.min(millis, Duration.between(now, end).toMillis() + 1);
    }
    waitFor(Math.max(1, millis));
  }

  private void waitFor(long millis) throws InterruptedException {
    long left = TimeUnit.MILLISECONDS.toNanos(millis);
    lock.lock();
    try {
      while (!woken && left > 0) {
        left = wake.awaitNanos(left);
      }
      woken = false;
    } finally {
      lock.unlock();
    }
  }

  // --- transitions -------------------------------------------------------------------------------

  private boolean overByStop() throws IOException, InterruptedException {
    TaskState.Stop stop = state.stop();
    end(
        stop == null
            ? new TaskExit(JobTerminationReason.TERMINATED_BY_SERVER, null, "")
            : new TaskExit(stop.reason(), null, stop.message()));
    return false;
  }

  private boolean over(JobTerminationReason reason, String message)
      throws IOException, InterruptedException {
    end(new TaskExit(reason, null, message));
    return false;
  }

  private void end(TaskExit exit) throws IOException, InterruptedException {
    end(exit, clock.instant());
  }

  private void end(TaskExit exit, Instant finished) throws IOException, InterruptedException {
    CrashPoint.BEFORE_EXITED.reached();
    Files.deleteIfExists(directory.resolve("start.sh"));
    transition(before -> before.exited(finished, exit));
    agentLog.info(
        id()
            + " ended: "
            + exit.reason().wire()
            + (exit.exitStatus() == null ? "" : ", status " + exit.exitStatus())
            + (exit.message().isEmpty() ? "" : ", " + exit.message()));
    log.close();
    while (unsaved) {
      waitFor(SAVE_AGAIN_MILLIS);
      saveLater();
    }
  }

  /** The agent itself can't go on with this task: the state says so even if the disk does not. */
  private void abandon(Exception cause) {
    try {
      Signs.Known leader = look().leader();
      if (leader != null) {
        killAll(leader);
      }
    } catch (IOException | RuntimeException e) {
      agentLog.warn(id() + ": could not be killed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    String message =
        cause instanceof DstackException
            ? String.valueOf(cause.getMessage())
            : "the agent failed: " + words(cause);
    TaskExit exit = new TaskExit(JobTerminationReason.EXECUTOR_ERROR, null, message);
    lock.lock();
    try {
      state = state.exited(clock.instant(), exit);
      save(state, false);
    } catch (IOException e) {
      agentLog.warn(id() + ": its end could not be written down", e);
    } finally {
      news.signalAll();
      lock.unlock();
    }
  }

  /** The one place where the phase changes: written first, then seen. */
  private void transition(UnaryOperator<TaskState> change) throws IOException {
    lock.lock();
    try {
      TaskState after = change.apply(state);
      save(after, false);
      state = after;
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void announce() {
    lock.lock();
    try {
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * A full disk must neither end a task nor keep one from being ended: then the state is true in
   * memory first, and written once there is room. Should the agent die before, the task's own marks
   * lead to the same state again.
   *
   * @param sync only what a caller was told must survive the host's death; the rest follows from
   *     the task's own marks, or, after a reboot, from the boot id
   */
  private void save(TaskState what, boolean sync) throws IOException {
    try {
      write(directory, what, sync);
      unsaved = false;
    } catch (IOException e) {
      if (!Durable.isDiskFull(e)) {
        throw e;
      }
      unsaved = true;
    }
  }

  private void saveLater() throws IOException {
    if (unsaved) {
      lock.lock();
      try {
        save(state, false);
      } finally {
        lock.unlock();
      }
    }
  }

  static void write(Path directory, TaskState state, boolean sync) throws IOException {
    byte[] json = Json.lenient().writeValueAsBytes(state);
    Durable.write(directory.resolve("state.json"), json, "rw-------", sync);
  }

  static void writeStart(
      Path directory, TaskRequest request, Map<String, String> env, Path workingDir)
      throws IOException {
    byte[] script = Launch.startScript(request, env, workingDir);
    Durable.write(directory.resolve("start.sh"), script, "rw-------", false);
  }

  private boolean diskIsFull() throws IOException {
    return Files.exists(directory, LinkOption.NOFOLLOW_LINKS)
        && Files.getFileStore(directory).getUsableSpace() < 1024 * 1024;
  }

  private static String words(Exception e) {
    String message = e.getMessage();
    byte[] bytes =
        (message == null ? e.getClass().getSimpleName() : message).getBytes(StandardCharsets.UTF_8);
    return new String(bytes, 0, Math.min(bytes.length, 500), StandardCharsets.UTF_8);
  }
}
