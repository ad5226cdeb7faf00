package dev.dstack.agent.task;

import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.host.ProcessUsage;
import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.Processes.Proc;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.host.Uptime;
import dev.dstack.agent.live.LogFile;
import dev.dstack.agent.runner.IoFiles;
import dev.dstack.agent.ssh.TaskAccess;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** A task that is a session of processes of the host; how these come about says {@link Launch}. */
final class HostProcess implements Execution {
  private static final long LOOK_MILLIS = 5_000;

  private final Path directory;
  private final Path io;
  private final Journal journal;
  private final Surroundings surroundings;
  private final ProcessUsage usage;
  private final LogFile.Times times;
  private final HostPreparation preparation;

  private @Nullable Process spawned;
  private volatile @Nullable Signs lastSigns;
  private boolean supervisorSeenDead;
  private long nextLook;
  private boolean leftoversGone;
  private volatile @Nullable TaskAccess access;

  /**
   * @param times when which byte of the log was written
   */
  HostProcess(Path directory, Journal journal, Surroundings surroundings, LogFile.Times times) {
    this.directory = directory;
    this.times = times;
    this.io = Task.io(directory);
    this.journal = journal;
    this.surroundings = surroundings;
    this.preparation = new HostPreparation(directory, journal, surroundings);
    this.usage = new ProcessUsage(journal.state().id().toString());
  }

  HostPreparation preparation() {
    return preparation;
  }

  // --- before ------------------------------------------------------------------------------------

  @Override
  public Optional<TaskExit> prepare() throws IOException, InterruptedException {
    if (!journal.state().bootId().equals(surroundings.bootId())) {
      return rebooted();
    }
    Optional<TaskExit> noVolume =
        TaskVolumes.take(directory, journal.state().id(), surroundings, true);
    return noVolume.isPresent() ? noVolume : preparation.prepare();
  }

  @Override
  public Optional<TaskExit> launch() throws IOException, InterruptedException {
    if (signs().marks().started()) {
      return Optional.empty();
    }
    TaskState state = journal.state();
    if (!state.bootId().equals(surroundings.bootId())) {
      return rebooted();
    }
    if (state.stop() != null && Marks.forbidStart(io)) {
      return Optional.of(Endings.stopped(state));
    }
    if (!Files.exists(directory.resolve("start.sh"))) {
      // Some supervisor has been there already; its marker is about to appear or it died.
      return Marks.forbidStart(io)
          ? Optional.of(Endings.executorError("the start script is gone"))
          : Optional.empty();
    }
    TaskUser user = TaskUser.resolve(state.user(), surroundings.agentUser());
    try {
      spawned = Launch.spawn(directory, io, user);
    } catch (IOException e) {
      return Marks.forbidStart(io)
          ? Optional.of(
              Endings.executorError("no process could be started on the host: " + Endings.words(e)))
          : Optional.empty();
    }
    CrashPoint.AFTER_FORK.reached();
    return Optional.empty();
  }

  private static Optional<TaskExit> rebooted() {
    return Optional.of(Endings.executorError("the host was rebooted before the task started"));
  }

  // --- while it runs -----------------------------------------------------------------------------

  private Signs signs() throws IOException {
    Signs seen = Signs.read(io, lastSigns);
    lastSigns = seen;
    return seen;
  }

  @Override
  public Sight look() throws IOException, InterruptedException {
    Signs signs = signs();
    Signs.Known leader = signs.leader();
    if (leader != null && access == null) {
      letIn();
    }
    Sight.Running running = leader == null ? null : running();
    if (signs.marks().exit().isPresent()) {
      return new Sight.Ended(signs.marks().exit().getAsInt(), running);
    }
    long now = Uptime.millis();
    if (!signs.marks().started()) {
      Process process = spawned;
      boolean stop = journal.state().stop() != null;
      if ((stop || process == null || !process.isAlive()) && Marks.forbidStart(io)) {
        return new Sight.Lost(
            stop
                ? Endings.stopped(journal.state())
                : Endings.executorError("the task's supervisor did not start"));
      }
    } else if (now >= nextLook) {
      nextLook = now + LOOK_MILLIS;
      Signs.Known supervisor = signs.supervisor();
      if (supervisor == null || !supervisor.isAlive(surroundings.bootId())) {
        if (supervisorSeenDead) {
          return new Sight.Lost(vanished(signs));
        }
        // Its last act may have been the renaming that the next pass sees; or it is writing now.
        supervisorSeenDead = true;
        nextLook = now + (supervisor == null ? 3_000 : 50);
      }
    }
    return running == null ? new Sight.Waiting() : running;
  }

  /** Opens the task's SSH port, the first time or after a restart of the agent. */
  private void letIn() throws IOException {
    AccessRequest request = TaskAccess.kept(directory);
    if (request == null) {
      return;
    }
    TaskState state = journal.state();
    try {
      TaskAccess opened =
          TaskAccess.open(
              new TaskAccess.Task(
                  directory,
                  io,
                  Path.of(state.workingDir()),
                  TaskUser.resolve(state.user(), surroundings.agentUser()),
                  request,
                  this::leader,
                  times),
              surroundings.clock(),
              surroundings.log());
      access = opened;
      if (!state.ports().equals(Map.of(AccessRequest.SSH_PORT, opened.port()))) {
        journal.transition(
            before -> before.reachable(Map.of(AccessRequest.SSH_PORT, opened.port())));
      }
    } catch (IOException e) {
      // The job itself does not need it.
      surroundings.log().warn(state.id() + ": nobody can log in", e);
      Files.deleteIfExists(directory.resolve(TaskAccess.ACCESS_FILE));
    }
  }

  private OptionalInt leader() {
    Signs signs = lastSigns;
    Signs.Known leader = signs == null ? null : signs.leader();
    return leader != null && leader.isAlive(surroundings.bootId())
        ? OptionalInt.of(leader.proc().pid())
        : OptionalInt.empty();
  }

  private Sight.Running running() {
    TaskState state = journal.state();
    if (state.startedAt() != null && state.startedUptime() != null) {
      return new Sight.Running(
          state.startedAt(), state.startedUptime(), state.workingDir(), state.username());
    }
    // When it started and not when that was noticed: the agent may have been away.
    Instant now = surroundings.clock().instant();
    Instant started = Marks.changed(io.resolve(IoFiles.PID), now);
    long age = Math.max(0, Duration.between(started, now).toMillis());
    return new Sight.Running(started, Uptime.millis() - age, state.workingDir(), state.username());
  }

  @Override
  public long nextLook() {
    return nextLook;
  }

  /** The supervisor is dead and did not say how the command ended. */
  private TaskExit vanished(Signs signs) throws IOException, InterruptedException {
    Signs.Known supervisor = signs.supervisor();
    TaskState state = journal.state();
    if (!state.bootId().equals(surroundings.bootId())
        || (supervisor != null && !supervisor.bootId().equals(surroundings.bootId()))) {
      return Endings.executorError("the host was rebooted while the task ran");
    }
    Signs.Known leader = signs.leader();
    for (int i = 0; leader != null && i < 50 && killAll(leader) > 0; i++) {
      journal.pause(20);
    }
    TaskState.Stop stop = state.stop();
    return stop != null
        ? new TaskExit(stop.reason(), 137, stop.message())
        : Endings.executorError("the task's supervisor on the host was killed; the task was ended");
  }

  @Override
  public Optional<String> collectorLost() throws IOException {
    Signs signs = lastSigns;
    if (signs == null || signs.marks().logged().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        Endings.diskIsFull(directory)
            ? "the disk of the host is full, output could not be stored"
            : "the process that collects the output ended");
  }

  @Override
  public Optional<TaskMetrics> metrics() {
    Signs signs = lastSigns;
    Signs.Known leader = signs == null ? null : signs.leader();
    return leader == null || !leader.bootId().equals(surroundings.bootId())
        ? Optional.empty()
        : Optional.of(usage.measure(leader.proc(), surroundings.clock().instant()));
  }

  @Override
  public @Nullable PullProgress pull() {
    return null;
  }

  @Override
  public @Nullable Instant unusedSince() {
    TaskAccess opened = access;
    return opened == null ? null : opened.usage().unusedSince();
  }

  // --- its end -----------------------------------------------------------------------------------

  @Override
  public boolean term() throws IOException, InterruptedException {
    Signs.Known leader = signs().leader();
    if (leader == null) {
      return false;
    }
    if (leader.isAlive(surroundings.bootId())) {
      Processes.signal("TERM", List.of(-leader.proc().pid()));
    }
    return true;
  }

  @Override
  public void kill() throws IOException, InterruptedException {
    Signs.Known leader = signs().leader();
    if (leader != null) {
      killAll(leader);
    }
  }

  @Override
  public boolean settle(boolean overdue) throws IOException, InterruptedException {
    TaskAccess opened = access;
    if (opened != null) {
      opened.ending();
    }
    Signs signs = signs();
    Signs.Known leader = signs.leader();
    if (leader != null && leader.bootId().equals(surroundings.bootId()) && !leftoversGone) {
      leftoversGone = killAll(leader) == 0;
    }
    if (signs.marks().logged().isPresent() && (leftoversGone || leader == null)) {
      return true;
    }
    Signs.Known supervisor = signs.supervisor();
    if (supervisor == null || !supervisor.isAlive(surroundings.bootId())) {
      return true;
    }
    if (overdue) {
      // Somebody who escaped still holds the pipe; what it writes is not the task's any more.
      killSupervisor(supervisor);
    }
    return overdue;
  }

  @Override
  public TaskExit verdict(int status) throws IOException {
    Signs signs = signs();
    boolean full = Endings.diskIsFull(directory);
    if (signs.leader() == null && status == IoFiles.NOT_STARTED) {
      return Endings.executorError(
          full
              ? "the disk of the host is full, the task could not be started"
              : "the task could not be started on the host");
    }
    if (signs.marks().logged().orElse(0) != 0) {
      return new TaskExit(
          JobTerminationReason.EXECUTOR_ERROR,
          status,
          full
              ? "the disk of the host is full, output could not be stored"
              : "the process that collects the output failed");
    }
    return Endings.exited(status);
  }

  @Override
  public Instant endedAt(int status) {
    return Marks.changed(io.resolve(IoFiles.EXIT_PREFIX + status), surroundings.clock().instant());
  }

  @Override
  public boolean leavesTraces() {
    return false;
  }

  @Override
  public void clear() throws IOException, InterruptedException {
    TaskAccess opened = access;
    if (opened != null) {
      opened.ended();
    }
    Files.deleteIfExists(directory.resolve("start.sh"));
    HostPreparation.forget(directory);
    TaskVolumes.release(directory, journal.state().id(), surroundings);
  }

  /** Kills what is alive of the task; answers how many that were. */
  private int killAll(Signs.Known leader) throws IOException, InterruptedException {
    if (!leader.bootId().equals(surroundings.bootId())) {
      return 0;
    }
    Proc first = leader.proc();
    boolean leaderAlive = leader.isAlive(surroundings.bootId());
    // A number that belongs to somebody else by now says nothing about sessions.
    boolean numberReused =
        !leaderAlive
            && Processes.find(first.pid()).filter(now -> now.start() != first.start()).isPresent();
    if (leaderAlive) {
      Processes.signal("KILL", List.of(-first.pid()));
    }
    String mark = journal.state().id().toString();
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
}
