package dev.dstack.model.wire.run;

import dev.dstack.model.job.JobStatus;
import org.jspecify.annotations.Nullable;

/**
 * @param instance where it was, with type, region and price
 * @param reason why it ended
 */
public record WhyJob(
    int jobNum, JobStatus status, @Nullable String instance, @Nullable String reason) {}
