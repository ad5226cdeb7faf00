package dev.dstack.agent.task;

import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is written down of a task, in {@code state.json}. Neither the command nor the environment is
 * in here: both may hold secrets and are gone from the disk once the task runs.
 *
 * @param bootId of the host when the task was accepted
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
    Phase phase,
    long seq,
    String bootId,
    Instant submittedAt,
    @Nullable Instant startedAt,
    @Nullable Instant finishedAt,
    @Nullable Stop stop,
    @Nullable TaskExit exit) {

  /**
   * That the task is to end.
   *
   * @param message for people; empty when somebody asked for it
   * @param termSent never sent twice: programs count signals
   */
  record Stop(
      JobTerminationReason reason, Instant at, Instant killAt, boolean termSent, String message) {
    Stop sent() {
      return new Stop(reason, at, killAt, true, message);
    }

    Stop sooner(Instant other) {
      return other.isBefore(killAt) ? new Stop(reason, at, other, termSent, message) : this;
    }
  }

  TaskState starting() {
    return with(Phase.STARTING, seq, startedAt, finishedAt, stop, exit);
  }

  TaskState running(Instant now) {
    return with(Phase.RUNNING, seq + 1, now, finishedAt, stop, exit);
  }

  TaskState stopping(Stop with) {
    return with(phase, seq, startedAt, finishedAt, with, exit);
  }

  TaskState exited(Instant now, TaskExit how) {
    return with(Phase.EXITED, seq + 1, startedAt, now, stop, how);
  }

  private TaskState with(
      Phase newPhase,
      long newSeq,
      @Nullable Instant started,
      @Nullable Instant finished,
      @Nullable Stop newStop,
      @Nullable TaskExit how) {
    return new TaskState(
        id,
        name,
        workingDir,
        username,
        user,
        files,
        maxDurationSeconds,
        stopGraceSeconds,
        logQuotaBytesPerHour,
        newPhase,
        newSeq,
        bootId,
        submittedAt,
        started,
        finished,
        newStop,
        how);
  }
}
