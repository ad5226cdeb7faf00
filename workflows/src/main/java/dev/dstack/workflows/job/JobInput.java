package dev.dstack.workflows.job;

import com.fasterxml.jackson.annotation.JsonInclude;
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
 * @param placeShown its run has shown already where it is; absent: no
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
    List<String> volumes,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Boolean placeShown) {
  public JobInput {
    volumes = List.copyOf(volumes);
  }

  /** One that shows by itself where it is. */
  public JobInput(
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
    this(
        id,
        run,
        runWorkflowId,
        projectId,
        project,
        runName,
        user,
        replicaNum,
        jobNum,
        submissionNum,
        jobName,
        submittedAt,
        placement,
        stopDuration,
        maxDuration,
        volumes,
        null);
  }

  /** One node of several; the others find it by what its run has shown. */
  public boolean node() {
    return placeShown != null && placeShown;
  }
}
