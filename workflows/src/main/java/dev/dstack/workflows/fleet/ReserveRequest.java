package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.offer.Requirements;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run asks for capacity for all nodes of one replica. The same request id again is the same
 * request.
 *
 * @param replyTo workflow id of the run
 * @param priority 0 to 100, higher first
 * @param waitUntil absent: answer now; otherwise stay in the queue until then, and answer twice
 *     (queued, then the outcome)
 * @param mayCreate whether the fleet may make new instances for it
 */
public record ReserveRequest(
    String requestId,
    String replyTo,
    RunId run,
    String runName,
    int priority,
    Instant submittedAt,
    List<Wanted> wanted,
    @Nullable Instant waitUntil,
    boolean mayCreate) {
  public ReserveRequest {
    wanted = List.copyOf(wanted);
  }

  /**
   * @param jobWorkflowId while this workflow is open, its claim is not taken back
   */
  public record Wanted(
      JobId job, String jobName, String jobWorkflowId, Requirements requirements) {}
}
