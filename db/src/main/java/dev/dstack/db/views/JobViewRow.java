package dev.dstack.db.views;

import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A job submission as its workflow shows it.
 *
 * @param placementJson the workflow's Placement, absent before there is one
 * @param price dollars an hour of what the job has of its instance; absent before it has a place
 * @param ports port of the task → port of its host
 * @param pull as last heard; means something while the image is pulled
 * @param unusedSince as last heard; means something while it runs
 * @param volumeNames of the volumes that it got
 * @param machine what the provider calls the machine; read with a run, never written here
 */
public record JobViewRow(
    JobId id,
    RunId run,
    ProjectId project,
    int replicaNum,
    int jobNum,
    int submissionNum,
    String jobName,
    long revision,
    JobStatus status,
    String statusMessage,
    @Nullable String terminationReason,
    @Nullable String terminationReasonMessage,
    @Nullable Integer exitStatus,
    @Nullable InstanceId instance,
    @Nullable String placementJson,
    @Nullable Double price,
    @Nullable String workingDir,
    @Nullable String username,
    Instant submittedAt,
    Instant at,
    @Nullable Instant runningAt,
    @Nullable Instant finishedAt,
    Map<Integer, Integer> ports,
    @Nullable PullProgress pull,
    @Nullable Instant unusedSince,
    List<String> volumeNames,
    @Nullable String machine) {
  public JobViewRow {
    ports = Map.copyOf(ports);
    volumeNames = List.copyOf(volumeNames);
  }

  public JobViewRow(
      JobId id,
      RunId run,
      ProjectId project,
      int replicaNum,
      int jobNum,
      int submissionNum,
      String jobName,
      long revision,
      JobStatus status,
      String statusMessage,
      @Nullable String terminationReason,
      @Nullable String terminationReasonMessage,
      @Nullable Integer exitStatus,
      @Nullable InstanceId instance,
      @Nullable String placementJson,
      @Nullable Double price,
      @Nullable String workingDir,
      @Nullable String username,
      Instant submittedAt,
      Instant at,
      @Nullable Instant runningAt,
      @Nullable Instant finishedAt,
      Map<Integer, Integer> ports,
      @Nullable PullProgress pull,
      @Nullable Instant unusedSince,
      List<String> volumeNames) {
    this(
        id,
        run,
        project,
        replicaNum,
        jobNum,
        submissionNum,
        jobName,
        revision,
        status,
        statusMessage,
        terminationReason,
        terminationReasonMessage,
        exitStatus,
        instance,
        placementJson,
        price,
        workingDir,
        username,
        submittedAt,
        at,
        runningAt,
        finishedAt,
        ports,
        pull,
        unusedSince,
        volumeNames,
        null);
  }
}
