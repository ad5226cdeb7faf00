package dev.dstack.workflows.job;

import dev.dstack.model.job.JobStatus;

/** All that a job remembers. */
public record JobState(long revision, JobStatus status) {}
