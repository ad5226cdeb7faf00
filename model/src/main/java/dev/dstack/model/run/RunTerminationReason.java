package dev.dstack.model.run;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.dstack.model.job.JobTerminationReason;

/** Why a run ended; decides its final status and the reason given to its unfinished jobs. */
public enum RunTerminationReason {
  @JsonProperty("all_jobs_done")
  ALL_JOBS_DONE("all_jobs_done", RunStatus.DONE, JobTerminationReason.DONE_BY_RUNNER),
  @JsonProperty("job_failed")
  JOB_FAILED("job_failed", RunStatus.FAILED, JobTerminationReason.TERMINATED_BY_SERVER),
  @JsonProperty("retry_limit_exceeded")
  RETRY_LIMIT_EXCEEDED(
      "retry_limit_exceeded", RunStatus.FAILED, JobTerminationReason.TERMINATED_BY_SERVER),
  @JsonProperty("stopped_by_user")
  STOPPED_BY_USER("stopped_by_user", RunStatus.TERMINATED, JobTerminationReason.TERMINATED_BY_USER),
  @JsonProperty("aborted_by_user")
  ABORTED_BY_USER("aborted_by_user", RunStatus.TERMINATED, JobTerminationReason.ABORTED_BY_USER),
  @JsonProperty("server_error")
  SERVER_ERROR("server_error", RunStatus.FAILED, JobTerminationReason.TERMINATED_BY_SERVER),
  @JsonProperty("gateway_error")
  GATEWAY_ERROR("gateway_error", RunStatus.FAILED, JobTerminationReason.TERMINATED_BY_SERVER);

  private final String wire;
  private final RunStatus finalStatus;
  private final JobTerminationReason jobReason;

  RunTerminationReason(String wire, RunStatus finalStatus, JobTerminationReason jobReason) {
    this.wire = wire;
    this.finalStatus = finalStatus;
    this.jobReason = jobReason;
  }

  public String wire() {
    return wire;
  }

  public RunStatus finalStatus() {
    return finalStatus;
  }

  /** What jobs that are still alive are told. */
  public JobTerminationReason jobReason() {
    return jobReason;
  }

  public boolean byUser() {
    return this == STOPPED_BY_USER || this == ABORTED_BY_USER;
  }
}
