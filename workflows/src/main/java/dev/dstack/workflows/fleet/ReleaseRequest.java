package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gives back what a run holds in a fleet.
 *
 * @param requestId absent: every request of the run
 * @param jobs empty: every job of the request
 */
public record ReleaseRequest(RunId run, @Nullable String requestId, List<JobId> jobs) {
  public ReleaseRequest {
    jobs = List.copyOf(jobs);
  }

  /** Everything that this run holds or waits for. */
  public static ReleaseRequest all(RunId run) {
    return new ReleaseRequest(run, null, List.of());
  }
}
