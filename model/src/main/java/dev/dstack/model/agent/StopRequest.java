package dev.dstack.model.agent;

import dev.dstack.model.job.JobTerminationReason;

/**
 * {@code POST /v1/tasks/{id}/stop}: TERM now, KILL after the grace; 0 kills at once. Repeating it
 * is harmless.
 */
public record StopRequest(JobTerminationReason reason, long graceSeconds) {}
