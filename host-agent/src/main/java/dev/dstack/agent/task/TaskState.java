package dev.dstack.agent.task;

import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is written down of a task, in {@code state.json}. Neither the command nor the environment
 * nor credentials are in here: they may be secrets and are gone from the disk once the task runs.
 *
 * @param workingDir empty: not known yet
 * @param username empty: not known yet
 * @param container without credentials; absent: a process of the host
 * @param bootId of the host when the task was accepted
 * @param startedUptime when it started, as {@link dev.dstack.agent.host.Uptime}
 * @param ports port of the task → port of the host, as far as they are known
 */
record TaskState(
    JobId id,
    String name,
    String workingDir,
    String username,
    @Nullable String user,
    List<TaskRequest.FileMount> files,
    @Nullable Long maxDurationSeconds,
    long stopGraceSeconds,
    long logQuotaBytesPerHour,
    @Nullable ContainerRequest container,
    Phase phase,
    long seq,
    String bootId,
    Instant submittedAt,
    @Nullable Instant startedAt,
    @Nullable Long startedUptime,
    @Nullable Instant finishedAt,
    Map<Integer, Integer> ports,
    @Nullable Stop stop,
    @Nullable TaskExit exit) {

  @SuppressWarnings("ConstantValue")
  TaskState {
    // Absent from what an older agent wrote.
    ports = ports == null ? Map.of() : Map.copyOf(ports);
  }

  /**
   * That the task is to end.
   *
   * @param killUptime as {@link dev.dstack.agent.host.Uptime}
   * @param message for people; empty when somebody asked for it
   * @param termSent never sent twice: programs count signals
   * @param atUptime the moment of {@code at}; absent from what an older agent wrote
   */
  record Stop(
      JobTerminationReason reason,
      Instant at,
      long killUptime,
      boolean termSent,
      String message,
      @Nullable Long atUptime) {
    Stop sent() {
      return new Stop(reason, at, killUptime, true, message, atUptime);
    }

    Stop sooner(long other) {
      return other < killUptime ? new Stop(reason, at, other, termSent, message, atUptime) : this;
    }
  }

  TaskState pulling() {
    return new Draft(this).phase(Phase.PULLING).seq(seq + 1).done();
  }

  TaskState starting() {
    // A status that callers have seen is left again.
    long next = phase == Phase.PULLING ? seq + 1 : seq;
    return new Draft(this).phase(Phase.STARTING).seq(next).done();
  }

  TaskState running(Execution.Sight.Running seen) {
    return new Draft(this)
        .phase(Phase.RUNNING)
        .seq(seq + 1)
        .started(seen.since(), seen.uptime())
        .where(seen.workingDir(), seen.username())
        .done();
  }

  TaskState reachable(Map<Integer, Integer> at) {
    return new Draft(this).ports(at).done();
  }

  TaskState stopping(Stop with) {
    return new Draft(this).stop(with).done();
  }

  TaskState clearing(Instant now, TaskExit how) {
    return new Draft(this).phase(Phase.CLEARING).finished(now).exit(how).done();
  }

  TaskState exited(Instant now, TaskExit how) {
    return new Draft(this).phase(Phase.EXITED).seq(seq + 1).finished(now).exit(how).done();
  }

  /** A copy with a few changes. */
  private static final class Draft {
    private final TaskState from;
    private Phase phase;
    private long seq;
    private String workingDir;
    private String username;
    private @Nullable Instant startedAt;
    private @Nullable Long startedUptime;
    private @Nullable Instant finishedAt;
    private Map<Integer, Integer> ports;
    private @Nullable Stop stop;
    private @Nullable TaskExit exit;

    Draft(TaskState from) {
      this.from = from;
      this.phase = from.phase;
      this.seq = from.seq;
      this.workingDir = from.workingDir;
      this.username = from.username;
      this.startedAt = from.startedAt;
      this.startedUptime = from.startedUptime;
      this.finishedAt = from.finishedAt;
      this.ports = from.ports;
      this.stop = from.stop;
      this.exit = from.exit;
    }

    Draft phase(Phase value) {
      phase = value;
      return this;
    }

    Draft seq(long value) {
      seq = value;
      return this;
    }

    Draft where(String directory, String user) {
      workingDir = directory;
      username = user;
      return this;
    }

    Draft started(Instant value, long uptime) {
      startedAt = value;
      startedUptime = uptime;
      return this;
    }

    Draft finished(Instant value) {
      finishedAt = value;
      return this;
    }

    Draft ports(Map<Integer, Integer> value) {
      ports = value;
      return this;
    }

    Draft stop(Stop value) {
      stop = value;
      return this;
    }

    Draft exit(TaskExit value) {
      exit = value;
      return this;
    }

    TaskState done() {
      return new TaskState(
          from.id,
          from.name,
          workingDir,
          username,
          from.user,
          from.files,
          from.maxDurationSeconds,
          from.stopGraceSeconds,
          from.logQuotaBytesPerHour,
          from.container,
          phase,
          seq,
          from.bootId,
          from.submittedAt,
          startedAt,
          startedUptime,
          finishedAt,
          ports,
          stop,
          exit);
    }
  }
}
