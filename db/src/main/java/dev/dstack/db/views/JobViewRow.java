package dev.dstack.db.views;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A job submission as its workflow shows it.
 *
 * @param placementJson the workflow's Placement, absent before there is one
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
    @Nullable String workingDir,
    @Nullable String username,
    Instant submittedAt,
    Instant at,
    @Nullable Instant runningAt,
    @Nullable Instant finishedAt) {}
