package dev.dstack.workflows.world;

import dev.dstack.model.job.JobTerminationReason;
import java.time.Duration;

/** What a job's process does once it runs, in the world's own time. */
public sealed interface Scripts {
  record Exits(Duration after, int exitStatus) implements Scripts {
    JobTerminationReason reason() {
      return exitStatus == 0
          ? JobTerminationReason.DONE_BY_RUNNER
          : JobTerminationReason.CONTAINER_EXITED_WITH_ERROR;
    }
  }

  /** Until it is stopped; takes this long to obey. */
  record Runs(Duration obeysAfter) implements Scripts {}

  /** Until it is stopped, which its run wants after this time. */
  record Unused(Duration after) implements Scripts {}

  /** Nothing but force ends it. */
  record Ignores() implements Scripts {}

  static Scripts done() {
    return new Exits(Duration.ZERO, 0);
  }

  static Scripts forever() {
    return new Runs(Duration.ofSeconds(1));
  }
}
