package dev.dstack.workflows.view;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.fleet.Placement;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A job submission as shown. A view of a lower revision never replaces one of a higher.
 *
 * @param ports port of the task → port of its host
 */
public record JobView(
    JobId id,
    RunId run,
    ProjectId projectId,
    int replicaNum,
    int jobNum,
    int submissionNum,
    String jobName,
    long revision,
    JobStatus status,
    String statusMessage,
    @Nullable JobTerminationReason reason,
    @Nullable String reasonMessage,
    @Nullable Integer exitStatus,
    @Nullable Placement placement,
    @Nullable String workingDir,
    @Nullable String username,
    Map<Integer, Integer> ports,
    Instant submittedAt,
    Instant at,
    @Nullable Instant runningAt,
    @Nullable Instant finishedAt,
    List<TimelineEvent> events) {
  public JobView {
    ports = ports == null ? Map.of() : Map.copyOf(ports);
    events = List.copyOf(events);
  }
}
