package dev.dstack.agent.task;

import dev.dstack.agent.host.Uptime;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/** How ends of tasks are judged and said in words. */
final class Endings {
  private static final int MOST_WORDS_BYTES = 500;
  private static final long FULL_BYTES = 1024 * 1024;

  /** The kernel's times of files lag behind the clock by up to a tick. */
  private static final long FILE_TIME_LAG_MILLIS = 20;

  private Endings() {}

  static TaskExit failed(JobTerminationReason reason, String message) {
    return new TaskExit(reason, null, message);
  }

  static TaskExit notCreated(String message) {
    return failed(JobTerminationReason.CREATING_CONTAINER_ERROR, message);
  }

  static TaskExit executorError(String message) {
    return failed(JobTerminationReason.EXECUTOR_ERROR, message);
  }

  /** Of a task that was stopped before it began. */
  static TaskExit stopped(TaskState state) {
    TaskState.Stop stop = state.stop();
    return stop == null
        ? failed(JobTerminationReason.TERMINATED_BY_SERVER, "")
        : failed(stop.reason(), stop.message());
  }

  /** Of a command that said how it ended. */
  static TaskExit exited(int status) {
    return status == 0
        ? new TaskExit(JobTerminationReason.DONE_BY_RUNNER, 0, "")
        : new TaskExit(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR, status, story(status));
  }

  static String story(int status) {
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

  /**
   * Whether a command that ended then did so after it was asked to: by the times themselves, or by
   * how long ago it was. Whoever has set the clock meanwhile leaves one of the two right.
   */
  static boolean isAfter(TaskState.Stop stop, Instant ended, Instant now) {
    if (!ended.plusMillis(FILE_TIME_LAG_MILLIS).isBefore(stop.at())) {
      return true;
    }
    Long asked = stop.atUptime();
    long age = Math.max(0, Duration.between(ended, now).toMillis());
    return asked != null && Uptime.millis() - age + FILE_TIME_LAG_MILLIS >= asked;
  }

  /** A clock that was set back while a task ran does not let it end before it began. */
  static Instant notBeforeStart(TaskState state, Instant ended) {
    Instant started = state.startedAt();
    Long uptime = state.startedUptime();
    return started == null || uptime == null || !ended.isBefore(started)
        ? ended
        : started.plusMillis(Math.max(0, Uptime.millis() - uptime));
  }

  static boolean diskIsFull(Path directory) throws IOException {
    return Files.exists(directory, LinkOption.NOFOLLOW_LINKS)
        && Files.getFileStore(directory).getUsableSpace() < FULL_BYTES;
  }

  static String words(Exception e) {
    String message = e.getMessage();
    byte[] bytes =
        (message == null ? e.getClass().getSimpleName() : message).getBytes(StandardCharsets.UTF_8);
    return new String(bytes, 0, Math.min(bytes.length, MOST_WORDS_BYTES), StandardCharsets.UTF_8);
  }
}
