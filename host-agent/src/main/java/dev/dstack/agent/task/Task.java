package dev.dstack.agent.task;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.host.Uptime;
import dev.dstack.agent.log.TaskLog;
import dev.dstack.agent.task.Execution.Sight;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One task, however it is executed. A virtual thread of its own, {@link #drive}, is the only one
 * that does anything to it; callers read the state, note that it should stop, or wait for news.
 */
final class Task {
  private static final Duration DRAIN = Duration.ofSeconds(5);
  private static final long BUSY_MILLIS = 5;
  private static final long MOST_POLL_MILLIS = 250;
  private static final long SAVE_AGAIN_MILLIS = 1_000;
  private static final long PULL_NEWS_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Path directory;
  private final Surroundings surroundings;
  private final AgentLog agentLog;
  private final Journal journal;
  private final TaskLog log;
  private final Output output;
  private final Execution execution;

  private volatile boolean watched;
  private long nextKill;
  private long pollMillis = 20;

  Task(Path directory, TaskState state, Surroundings surroundings) throws IOException {
    this.directory = directory;
    this.surroundings = surroundings;
    this.agentLog = surroundings.log();
    this.journal = new Journal(directory, state);
    this.log = new TaskLog(io(directory).resolve("log"), directory.resolve("index"));
    this.output = new Output(log, surroundings, journal);
    this.execution =
        state.container() == null
            ? new HostProcess(directory, journal, surroundings, log::rawOffsetAt)
            : new Container(directory, state.container(), journal, surroundings);
  }

  static Path io(Path directory) {
    return directory.resolve("io");
  }

  static Path work(Path directory) {
    return directory.resolve("work");
  }

  JobId id() {
    return journal.state().id();
  }

  Phase phase() {
    return journal.state().phase();
  }

  Path directory() {
    return directory;
  }

  Execution execution() {
    return execution;
  }

  // --- for callers -------------------------------------------------------------------------------

  TaskInfo info() {
    // The log after the state: a final status must come with the final end.
    TaskState now = journal.state();
    boolean neverRan = now.phase() == Phase.CLEARING && now.startedAt() == null;
    boolean over = now.phase() == Phase.EXITED;
    return new TaskInfo(
        now.id(),
        neverRan ? TaskStatus.PREPARING : now.phase().status(),
        now.seq(),
        log.end(),
        now.startedAt(),
        over ? now.finishedAt() : null,
        now.workingDir().isEmpty() ? null : now.workingDir(),
        now.username().isEmpty() ? null : now.username(),
        over ? now.exit() : null,
        now.ports(),
        now.phase() == Phase.PULLING ? execution.pull() : null,
        now.phase() == Phase.RUNNING ? execution.unusedSince() : null);
  }

  void wake() {
    journal.wake();
  }

  /** Whether somebody calls {@link #wake} when output arrives; otherwise it is looked for. */
  void watched(boolean value) {
    watched = value;
  }

  /** Progress of a pull is news, too, but not more than once in a second. */
  TaskInfo await(long since, long logOffset, Duration wait) throws InterruptedException {
    long begun = System.nanoTime();
    PullProgress before = execution.pull();
    journal.await(
        () -> {
          TaskState now = journal.state();
          boolean pulled =
              now.phase() == Phase.PULLING
                  && System.nanoTime() - begun >= PULL_NEWS_NANOS
                  && !Objects.equals(before, execution.pull());
          return now.seq() > since
              || log.end() > logOffset
              || now.phase() == Phase.EXITED
              || pulled;
        },
        wait.toNanos());
    return info();
  }

  TaskInfo stop(StopRequest request) throws IOException {
    requestStop(request.reason(), Math.max(0, request.graceSeconds()), "");
    return info();
  }

  long logAvailable(long offset, long limit) {
    return log.available(offset, limit);
  }

  void copyLog(long offset, long length, OutputStream out) throws IOException {
    log.copy(offset, length, out);
  }

  /** Empty: it does not run. */
  Optional<TaskMetrics> metrics() throws IOException, InterruptedException {
    return phase() == Phase.RUNNING ? execution.metrics() : Optional.empty();
  }

  private void requestStop(JobTerminationReason reason, long graceSeconds, String message)
      throws IOException {
    Instant now = surroundings.clock().instant();
    long uptime = Uptime.millis();
    long killAt = uptime + TimeUnit.SECONDS.toMillis(graceSeconds);
    boolean changed =
        journal.update(
            before -> {
              if (before.phase() == Phase.EXITED || before.phase() == Phase.CLEARING) {
                return before;
              }
              TaskState.Stop earlier = before.stop();
              return before.stopping(
                  earlier == null
                      ? new TaskState.Stop(reason, now, killAt, false, message, uptime)
                      : earlier.sooner(killAt));
            },
            true);
    if (changed) {
      agentLog.info(
          id() + " is to stop: " + reason.wire() + ", killed after " + graceSeconds + " s");
    }
    CrashPoint.STOP_JOURNALED.reached();
    journal.wake();
  }

  // --- the task's own thread ---------------------------------------------------------------------

  void drive() {
    try {
      Optional<TaskExit> over = begin();
      if (over.isPresent()) {
        end(over.get(), surroundings.clock().instant());
      } else {
        follow();
      }
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

  /** Present: the task is over before it began, or it was over already. */
  private Optional<TaskExit> begin() throws IOException, InterruptedException {
    TaskState found = journal.state();
    if (found.phase() == Phase.CLEARING) {
      return Optional.ofNullable(found.exit());
    }
    if (found.phase() == Phase.ACCEPTED || found.phase() == Phase.PULLING) {
      Optional<TaskExit> over = execution.prepare();
      if (over.isPresent()) {
        return over;
      }
      journal.transition(TaskState::starting);
      CrashPoint.BEFORE_FORK.reached();
    }
    return journal.state().phase() == Phase.STARTING ? execution.launch() : Optional.empty();
  }

  private void follow() throws IOException, InterruptedException {
    while (true) {
      boolean grew = output.tail();
      if (grew) {
        CrashPoint.TAILED.reached();
      }
      switch (execution.look()) {
        case Sight.Waiting() -> {}
        case Sight.Running running -> {
          began(running);
          limits(grew);
        }
        case Sight.Ended(int status, Sight.@Nullable Running ran) -> {
          if (ran != null) {
            began(ran);
          }
          drain();
          finish(status);
          return;
        }
        case Sight.Lost(TaskExit exit) -> {
          output.complete();
          end(exit, surroundings.clock().instant());
          return;
        }
      }
      long now = Uptime.millis();
      press(now);
      journal.saveLater();
      pause(grew, now);
    }
  }

  private void began(Sight.Running running) throws IOException {
    if (phase() == Phase.STARTING) {
      journal.transition(before -> before.running(running));
      agentLog.info(id() + " runs");
      CrashPoint.RUNNING.reached();
    }
  }

  private void limits(boolean grew) throws IOException {
    TaskState state = journal.state();
    if (state.stop() != null) {
      return;
    }
    Long maximum = state.maxDurationSeconds();
    Optional<String> lost = execution.collectorLost();
    if (lost.isPresent()) {
      requestStop(JobTerminationReason.EXECUTOR_ERROR, state.stopGraceSeconds(), lost.get());
    } else if (maximum != null && Uptime.millis() >= endsAt(state, maximum)) {
      requestStop(
          JobTerminationReason.MAX_DURATION_EXCEEDED,
          state.stopGraceSeconds(),
          "it ran longer than max_duration, " + maximum + " s");
    } else if (grew && state.logQuotaBytesPerHour() > 0) {
      long bytes = log.bytesWithin(Duration.ofHours(1), surroundings.clock().instant());
      if (bytes > state.logQuotaBytesPerHour()) {
        requestStop(
            JobTerminationReason.LOG_QUOTA_EXCEEDED,
            state.stopGraceSeconds(),
            "it wrote more than " + state.logQuotaBytesPerHour() + " bytes of output in an hour");
      }
    }
  }

  private static long endsAt(TaskState state, long maximumSeconds) {
    Long started = state.startedUptime();
    return started == null
        ? Long.MAX_VALUE
        : started + TimeUnit.SECONDS.toMillis(Math.min(maximumSeconds, Integer.MAX_VALUE));
  }

  /** Carries out a wish to stop. */
  private void press(long now) throws IOException, InterruptedException {
    TaskState.Stop stop = journal.state().stop();
    if (stop == null) {
      return;
    }
    if (now >= stop.killUptime()) {
      if (now >= nextKill) {
        nextKill = now + 1_000;
        execution.kill();
      }
    } else if (!stop.termSent() && execution.term()) {
      journal.transition(
          before -> before.stop() == null ? before : before.stopping(before.stop().sent()));
    }
  }

  /** The command has ended: so does everything it left behind, and then the log is complete. */
  private void drain() throws IOException, InterruptedException {
    CrashPoint.EXIT_SEEN.reached();
    long deadline = Uptime.millis() + DRAIN.toMillis();
    long millis = 10;
    while (!execution.settle(Uptime.millis() > deadline)) {
      output.tail();
      journal.pause(millis);
      millis = Math.min(50, millis + 10);
    }
    output.complete();
  }

  private void finish(int status) throws IOException, InterruptedException {
    TaskState state = journal.state();
    TaskState.Stop stop = state.stop();
    Instant ended = execution.endedAt(status);
    Instant now = surroundings.clock().instant();
    Instant finished = Endings.notBeforeStart(state, ended);
    if (stop != null && Endings.isAfter(stop, ended, now)) {
      end(new TaskExit(stop.reason(), status, stop.message()), finished);
    } else {
      end(execution.verdict(status), finished);
    }
  }

  private void pause(boolean grew, long now) throws InterruptedException {
    if (grew) {
      // A busy task is looked at often, but not for each of its lines.
      TimeUnit.MILLISECONDS.sleep(BUSY_MILLIS);
      pollMillis = 20;
      return;
    }
    TaskState state = journal.state();
    long millis = execution.nextLook() - now;
    if (!watched) {
      pollMillis = Math.min(MOST_POLL_MILLIS, pollMillis + 5);
      millis = Math.min(millis, pollMillis);
    }
    if (state.phase() == Phase.STARTING) {
      millis = Math.min(millis, 100);
    }
    millis = output.untilFlush(now, millis);
    TaskState.Stop stop = state.stop();
    Long maximum = state.maxDurationSeconds();
    if (stop != null) {
      long next = now < stop.killUptime() ? stop.killUptime() : nextKill;
      millis = Math.min(millis, next - now + 1);
    } else if (maximum != null && state.startedUptime() != null) {
      millis = Math.min(millis, endsAt(state, maximum) - now + 1);
    }
    journal.pause(Math.max(1, millis));
  }

  private void end(TaskExit exit, Instant finished) throws IOException, InterruptedException {
    if (execution.leavesTraces() && phase() != Phase.CLEARING) {
      journal.transition(before -> before.clearing(finished, exit));
      CrashPoint.CLEARING.reached();
    }
    execution.clear();
    CrashPoint.BEFORE_EXITED.reached();
    Instant known = journal.state().finishedAt();
    journal.transition(before -> before.exited(known == null ? finished : known, exit));
    agentLog.info(
        id()
            + " ended: "
            + exit.reason().wire()
            + (exit.exitStatus() == null ? "" : ", status " + exit.exitStatus())
            + (exit.message().isEmpty() ? "" : ", " + exit.message()));
    log.close();
    while (journal.saveLater()) {
      journal.pause(SAVE_AGAIN_MILLIS);
    }
  }

  /** The agent itself can't go on with this task: the state says so even if the disk does not. */
  private void abandon(Exception cause) {
    try {
      execution.kill();
    } catch (IOException | RuntimeException e) {
      agentLog.warn(id() + ": could not be killed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    String message =
        cause instanceof DstackException
            ? String.valueOf(cause.getMessage())
            : "the agent failed: " + Endings.words(cause);
    TaskExit exit = new TaskExit(JobTerminationReason.EXECUTOR_ERROR, null, message);
    try {
      journal.force(state -> state.exited(surroundings.clock().instant(), exit));
    } catch (IOException e) {
      agentLog.warn(id() + ": its end could not be written down", e);
    }
  }
}
