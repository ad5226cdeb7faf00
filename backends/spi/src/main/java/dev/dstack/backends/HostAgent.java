package dev.dstack.backends;

import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.ids.JobId;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A host agent as its callers see it, whatever carries the calls. Failures are {@link
 * dev.dstack.model.error.DstackException}s: AGENT_UNREACHABLE may be tried again, AGENT_REFUSED
 * not.
 */
public interface HostAgent extends AutoCloseable {
  HostInfo info();

  boolean hasArchive(String sha256);

  void putArchive(String sha256, long length, InputStream tar);

  TaskInfo submit(TaskRequest request);

  List<TaskInfo> tasks();

  /**
   * Waits until the task's seq is above {@code since} or its log is longer than {@code logOffset},
   * at most {@code wait}.
   */
  Optional<TaskInfo> watch(JobId task, long since, long logOffset, Duration wait)
      throws InterruptedException;

  /** Log frames from a byte offset; empty at the end. */
  byte[] readLog(JobId task, long offset, int limit);

  /** What the one who runs the task says about it, as text from a byte offset; empty at the end. */
  default byte[] readRunnerLog(JobId task, long offset, int limit) {
    return new byte[0];
  }

  /** What the task uses now; empty when it does not run, or nobody can tell. */
  default Optional<TaskMetrics> metrics(JobId task) {
    return Optional.empty();
  }

  /** How the accelerators of the host are; empty where nobody looks after them. */
  default Optional<HostHealth> health() {
    return Optional.empty();
  }

  /** The host's DCGM metrics as Prometheus text; empty where there is no exporter. */
  default Optional<String> dcgm() {
    return Optional.empty();
  }

  /** Empty: there is no such task, so nothing is left to stop. */
  Optional<TaskInfo> stop(JobId task, StopRequest request);

  /**
   * Removes a task that has exited with all its files; unknown is success, NOT_READY while it runs.
   */
  void remove(JobId task);

  @Override
  void close();
}
