package dev.dstack.workflows.job;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.workflows.fleet.Placement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of one node. Environment values, commands and files are not here: the activity that
 * submits the task loads them by run id, so that no history holds them.
 *
 * @param maxDuration running time after which the server stops a job that its agent has not stopped
 * @param volumes names of volumes to attach before the start
 */
public record JobInput(
    JobId id,
    RunId run,
    String runWorkflowId,
    ProjectId projectId,
    String project,
    String runName,
    String user,
    int replicaNum,
    int jobNum,
    int submissionNum,
    String jobName,
    Instant submittedAt,
    Placement placement,
    Duration stopDuration,
    @Nullable Duration maxDuration,
    List<String> volumes) {
  public JobInput {
    volumes = List.copyOf(volumes);
  }
}
