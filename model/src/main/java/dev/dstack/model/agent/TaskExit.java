package dev.dstack.model.agent;

import dev.dstack.model.job.JobTerminationReason;
import org.jspecify.annotations.Nullable;

/**
 * How a task ended.
 *
 * @param exitStatus the process's own, 128 + n for a signal n; absent when it never started
 * @param message for people; empty when there is nothing to add
 */
public record TaskExit(JobTerminationReason reason, @Nullable Integer exitStatus, String message) {}
