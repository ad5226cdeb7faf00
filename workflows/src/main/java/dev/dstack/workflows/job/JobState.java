package dev.dstack.workflows.job;

import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a job remembers.
 *
 * @param newsSeq the last news of the task that has been seen
 * @param stop absent: nobody wants it to end
 * @param forceAt when a submission, or a task that was asked to stop, is given up on
 * @param backstopAt when the server stops a job whose agent should have ended it by itself
 * @param ports port of the task → port of its host
 */
public record JobState(
    long revision,
    long reportSeq,
    JobStatus status,
    Phase phase,
    long newsSeq,
    @Nullable JobStop stop,
    @Nullable Instant forceAt,
    @Nullable Instant backstopAt,
    @Nullable JobTerminationReason reason,
    String message,
    @Nullable Integer exitStatus,
    @Nullable Instant runningAt,
    @Nullable Instant finishedAt,
    @Nullable String workingDir,
    @Nullable String username,
    Map<Integer, Integer> ports) {
  public JobState {
    ports = ports == null ? Map.of() : Map.copyOf(ports);
  }

  /** Where the workflow stands; the status is what is shown. */
  public enum Phase {
    NEW,
    ATTACHING,
    SUBMITTING,
    WATCHING,
    /** Whatever happened, the host is made clean before the end is told. */
    CLEANING,
    ENDED
  }

  /** The run writes lower revisions for a submission whose workflow never starts. */
  public static final long FIRST_REVISION = 10;

  public static JobState initial() {
    return new JobState(
        FIRST_REVISION,
        0,
        JobStatus.SUBMITTED,
        Phase.NEW,
        0,
        null,
        null,
        null,
        null,
        "",
        null,
        null,
        null,
        null,
        null,
        Map.of());
  }

  /** When something happens if nothing else does; absent: only news can move it. */
  public @Nullable Instant deadline() {
    return switch (phase) {
      case ATTACHING, SUBMITTING -> stop == null ? null : forceAt;
      case WATCHING -> stop == null ? backstopAt : forceAt;
      case NEW, CLEANING, ENDED -> null;
    };
  }

  /** The next state while it is being decided; never leaves the decider. */
  static final class Draft {
    long revision;
    long reportSeq;
    JobStatus status;
    Phase phase;
    long newsSeq;
    @Nullable JobStop stop;
    @Nullable Instant forceAt;
    @Nullable Instant backstopAt;
    @Nullable JobTerminationReason reason;
    String message;
    @Nullable Integer exitStatus;
    @Nullable Instant runningAt;
    @Nullable Instant finishedAt;
    @Nullable String workingDir;
    @Nullable String username;
    Map<Integer, Integer> ports;

    Draft(JobState from) {
      revision = from.revision;
      reportSeq = from.reportSeq;
      status = from.status;
      phase = from.phase;
      newsSeq = from.newsSeq;
      stop = from.stop;
      forceAt = from.forceAt;
      backstopAt = from.backstopAt;
      reason = from.reason;
      message = from.message;
      exitStatus = from.exitStatus;
      runningAt = from.runningAt;
      finishedAt = from.finishedAt;
      workingDir = from.workingDir;
      username = from.username;
      ports = from.ports;
    }

    JobState freeze() {
      return new JobState(
          revision,
          reportSeq,
          status,
          phase,
          newsSeq,
          stop,
          forceAt,
          backstopAt,
          reason,
          message,
          exitStatus,
          runningAt,
          finishedAt,
          workingDir,
          username,
          ports);
    }
  }
}
