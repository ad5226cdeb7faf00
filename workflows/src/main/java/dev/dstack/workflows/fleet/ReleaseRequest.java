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
 * @param through the last submission that is meant by every request; absent: all there are
 */
public record ReleaseRequest(
    RunId run, @Nullable String requestId, List<JobId> jobs, @Nullable Integer through) {
  public ReleaseRequest {
    jobs = List.copyOf(jobs);
  }

  /** Everything that this run holds or waits for. */
  public static ReleaseRequest all(RunId run) {
    return new ReleaseRequest(run, null, List.of(), null);
  }

  /** What its submissions hold or wait for, up to the given one. */
  public static ReleaseRequest through(RunId run, int submission) {
    return new ReleaseRequest(run, null, List.of(), submission);
  }

  public static ReleaseRequest of(RunId run, String requestId, List<JobId> jobs) {
    return new ReleaseRequest(run, requestId, jobs, null);
  }

  /** Whether one that names no request means this one, whose id ends in /REPLICA.SUBMISSION. */
  boolean means(RunId owner, String id) {
    if (!owner.equals(run) || through == null) {
      return owner.equals(run);
    }
    String number = id.substring(id.lastIndexOf('.') + 1).replaceFirst("\\D.*", "");
    return number.isEmpty() || Integer.parseInt(number) <= through;
  }
}
