package dev.dstack.activities.host;

import dev.dstack.backends.HostAgent;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.time.Duration;
import java.util.Optional;

/** Takes a task from its host, whether it still runs or not. */
public final class TaskRemoval {
  private static final Duration KILLED_WITHIN = Duration.ofSeconds(10);
  private static final Duration LOOK = Duration.ofSeconds(2);

  private TaskRemoval() {}

  /**
   * Unknown is success.
   *
   * @throws DstackException NOT_READY when it does not die at once: try again
   */
  public static void remove(HostAgent agent, JobId task) throws InterruptedException {
    try {
      agent.remove(task);
    } catch (DstackException e) {
      if (e.kind() != ErrorKind.NOT_READY) {
        throw e;
      }
      kill(agent, task);
      agent.remove(task);
    }
  }

  private static void kill(HostAgent agent, JobId task) throws InterruptedException {
    Optional<TaskInfo> info =
        agent.stop(task, new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0));
    long deadline = System.nanoTime() + KILLED_WITHIN.toNanos();
    while (info.isPresent() && !info.get().status().isFinal()) {
      if (System.nanoTime() > deadline) {
        throw new DstackException(
            ErrorKind.NOT_READY, "The task does not end although it was killed; trying again.");
      }
      info = agent.watch(task, info.get().seq(), Long.MAX_VALUE, LOOK);
    }
  }
}
