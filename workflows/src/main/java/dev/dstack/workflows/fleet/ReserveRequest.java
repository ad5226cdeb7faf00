package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.offer.Requirements;
import java.time.Duration;
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
 * @param idleDuration how long an instance made for it may be idle, if less than the fleet allows;
 *     negative: for ever, absent: as the fleet says
 * @param pins the only instances that will do; empty: any
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
    boolean mayCreate,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Duration idleDuration,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<InstancePin> pins) {
  public ReserveRequest {
    // Older histories do not have them.
    pins = pins == null ? List.of() : List.copyOf(pins);
    wanted = List.copyOf(wanted);
  }

  /** On any instance of the fleet. */
  public ReserveRequest(
      String requestId,
      String replyTo,
      RunId run,
      String runName,
      int priority,
      Instant submittedAt,
      List<Wanted> wanted,
      @Nullable Instant waitUntil,
      boolean mayCreate) {
    this(
        requestId,
        replyTo,
        run,
        runName,
        priority,
        submittedAt,
        wanted,
        waitUntil,
        mayCreate,
        null,
        List.of());
  }

  /**
   * @param jobWorkflowId while this workflow is open, its claim is not taken back
   */
  public record Wanted(
      JobId job, String jobName, String jobWorkflowId, Requirements requirements) {}
}
