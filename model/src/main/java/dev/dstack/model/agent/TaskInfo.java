package dev.dstack.model.agent;

import dev.dstack.model.ids.JobId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the agent knows of a task.
 *
 * @param seq grows by one at each change of status; the argument of the next watch
 * @param logEnd bytes of log frames that can be read now, see {@link LogFrame}
 * @param workingDir the directory the commands run in
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
    @Nullable TaskExit exit) {}
