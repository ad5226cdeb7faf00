package dev.dstack.workflows.job;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the agent said of a task. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = TaskNews.Phase.class, name = "phase"),
  @JsonSubTypes.Type(value = TaskNews.Exited.class, name = "exited"),
  @JsonSubTypes.Type(value = TaskNews.ShouldEnd.class, name = "should-end"),
  @JsonSubTypes.Type(value = TaskNews.Unknown.class, name = "unknown"),
  @JsonSubTypes.Type(value = TaskNews.HostUnreachable.class, name = "host-unreachable")
})
public sealed interface TaskNews {
  /**
   * @param ports port of the task → port of its host
   */
  record Phase(
      long seq,
      TaskStatus status,
      @Nullable Instant startedAt,
      @Nullable String workingDir,
      @Nullable String username,
      Map<Integer, Integer> ports)
      implements TaskNews {
    public Phase {
      // Older histories do not have them.
      ports = ports == null ? Map.of() : Map.copyOf(ports);
    }

    /** Without ports. */
    public Phase(
        long seq,
        TaskStatus status,
        @Nullable Instant startedAt,
        @Nullable String workingDir,
        @Nullable String username) {
      this(seq, status, startedAt, workingDir, username, Map.of());
    }
  }

  record Exited(
      TaskExit exit,
      @Nullable Instant startedAt,
      @Nullable Instant finishedAt,
      @Nullable String workingDir,
      @Nullable String username)
      implements TaskNews {}

  /** It runs, but by a rule of its run it should not any more. */
  record ShouldEnd(JobTerminationReason reason, String message) implements TaskNews {}

  /** The host does not know the task although it was submitted: the host was replaced or wiped. */
  record Unknown() implements TaskNews {}

  /** The agent has not answered for as long as the watch is willing to wait. */
  record HostUnreachable(String message) implements TaskNews {}
}
