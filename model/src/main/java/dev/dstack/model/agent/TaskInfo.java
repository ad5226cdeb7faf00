package dev.dstack.model.agent;

import dev.dstack.model.ids.JobId;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the agent knows of a task.
 *
 * @param seq grows by one at each change of status; the argument of the next watch
 * @param logEnd bytes of log frames that can be read now, see {@link LogFrame}
 * @param workingDir the directory the commands run in
 * @param ports port of the task → port of the host, with {@link AccessRequest#SSH_PORT} where one
 *     can log in
 * @param pull while the image is pulled
 * @param unusedSince since when nobody has been logged in; absent while somebody is, and before it
 *     runs
 */
public record TaskInfo(
    JobId id,
    TaskStatus status,
    long seq,
    long logEnd,
    @Nullable Instant startedAt,
    @Nullable Instant finishedAt,
    @Nullable String workingDir,
    @Nullable String username,
    @Nullable TaskExit exit,
    Map<Integer, Integer> ports,
    @Nullable PullProgress pull,
    @Nullable Instant unusedSince) {
  public TaskInfo {
    ports = Map.copyOf(ports);
  }

  /** A task without ports, image and logins. */
  public TaskInfo(
      JobId id,
      TaskStatus status,
      long seq,
      long logEnd,
      @Nullable Instant startedAt,
      @Nullable Instant finishedAt,
      @Nullable String workingDir,
      @Nullable String username,
      @Nullable TaskExit exit) {
    this(
        id,
        status,
        seq,
        logEnd,
        startedAt,
        finishedAt,
        workingDir,
        username,
        exit,
        Map.of(),
        null,
        null);
  }
}
