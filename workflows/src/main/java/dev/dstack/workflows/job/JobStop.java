package dev.dstack.workflows.job;

import dev.dstack.model.job.JobTerminationReason;
import java.time.Duration;

/**
 * A wish that the job end.
 *
 * @param grace between TERM and KILL; zero for an abort
 */
public record JobStop(JobTerminationReason reason, String message, Duration grace) {}
