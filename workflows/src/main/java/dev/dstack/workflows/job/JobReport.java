package dev.dstack.workflows.job;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import org.jspecify.annotations.Nullable;

/**
 * What a job tells its run, {@code seq} growing with each report. A report with a final status is
 * its last: the host is clean, the log complete.
 */
public record JobReport(
    JobId job,
    int replicaNum,
    int jobNum,
    int submissionNum,
    long seq,
    JobStatus status,
    @Nullable JobTerminationReason reason,
    String message,
    @Nullable Integer exitStatus) {}
