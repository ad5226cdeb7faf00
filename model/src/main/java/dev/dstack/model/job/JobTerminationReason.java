package dev.dstack.model.job;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a job submission ended; decides its final status and which `retry` event it counts as. */
public enum JobTerminationReason {
  @JsonProperty("failed_to_start_due_to_no_capacity")
  FAILED_TO_START_DUE_TO_NO_CAPACITY(
      "failed_to_start_due_to_no_capacity",
      JobStatus.FAILED,
      RetryEvent.NO_CAPACITY,
      "no capacity"),
  @JsonProperty("interrupted_by_no_capacity")
  INTERRUPTED_BY_NO_CAPACITY(
      "interrupted_by_no_capacity", JobStatus.FAILED, RetryEvent.INTERRUPTION, "interrupted"),
  @JsonProperty("instance_unreachable")
  INSTANCE_UNREACHABLE("instance_unreachable", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("instance_access_revoked")
  INSTANCE_ACCESS_REVOKED("instance_access_revoked", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("waiting_instance_limit_exceeded")
  WAITING_INSTANCE_LIMIT_EXCEEDED(
      "waiting_instance_limit_exceeded", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("waiting_runner_limit_exceeded")
  WAITING_RUNNER_LIMIT_EXCEEDED(
      "waiting_runner_limit_exceeded", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("terminated_by_user")
  TERMINATED_BY_USER("terminated_by_user", JobStatus.TERMINATED, null, "stopped"),
  @JsonProperty("volume_error")
  VOLUME_ERROR("volume_error", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("gateway_error")
  GATEWAY_ERROR("gateway_error", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("scaled_down")
  SCALED_DOWN("scaled_down", JobStatus.TERMINATED, null, "terminated"),
  @JsonProperty("done_by_runner")
  DONE_BY_RUNNER("done_by_runner", JobStatus.DONE, null, "exited (0)"),
  @JsonProperty("aborted_by_user")
  ABORTED_BY_USER("aborted_by_user", JobStatus.ABORTED, null, "aborted"),
  @JsonProperty("terminated_by_server")
  TERMINATED_BY_SERVER("terminated_by_server", JobStatus.TERMINATED, null, "terminated"),
  @JsonProperty("inactivity_duration_exceeded")
  INACTIVITY_DURATION_EXCEEDED(
      "inactivity_duration_exceeded", JobStatus.TERMINATED, null, "terminated"),
  @JsonProperty("terminated_due_to_utilization_policy")
  TERMINATED_DUE_TO_UTILIZATION_POLICY(
      "terminated_due_to_utilization_policy", JobStatus.TERMINATED, null, "terminated"),
  @JsonProperty("container_exited_with_error")
  CONTAINER_EXITED_WITH_ERROR(
      "container_exited_with_error", JobStatus.FAILED, RetryEvent.ERROR, "exited"),
  @JsonProperty("ports_binding_failed")
  PORTS_BINDING_FAILED("ports_binding_failed", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("creating_container_error")
  CREATING_CONTAINER_ERROR("creating_container_error", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("executor_error")
  EXECUTOR_ERROR("executor_error", JobStatus.FAILED, RetryEvent.ERROR, "error"),
  @JsonProperty("max_duration_exceeded")
  MAX_DURATION_EXCEEDED("max_duration_exceeded", JobStatus.TERMINATED, null, "terminated"),
  @JsonProperty("log_quota_exceeded")
  LOG_QUOTA_EXCEEDED("log_quota_exceeded", JobStatus.FAILED, RetryEvent.ERROR, "error");

  private final String wire;
  private final JobStatus finalStatus;
  private final @Nullable RetryEvent retryEvent;
  private final String shown;

  JobTerminationReason(
      String wire, JobStatus finalStatus, @Nullable RetryEvent retryEvent, String shown) {
    this.wire = wire;
    this.finalStatus = finalStatus;
    this.retryEvent = retryEvent;
    this.shown = shown;
  }

  public String wire() {
    return wire;
  }

  public JobStatus finalStatus() {
    return finalStatus;
  }

  /** Empty: a job that ended so is never retried. */
  public Optional<RetryEvent> retryEvent() {
    return Optional.ofNullable(retryEvent);
  }

  /** The word people read in `dstack ps`; a job that exited shows its exit status. */
  public String shown(@Nullable Integer exitStatus) {
    if (exitStatus != null && (this == DONE_BY_RUNNER || this == CONTAINER_EXITED_WITH_ERROR)) {
      return "exited (" + exitStatus + ")";
    }
    return this == CONTAINER_EXITED_WITH_ERROR ? "error" : shown;
  }
}
