package dev.dstack.model.instance;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Why a machine was given up. */
public enum InstanceTerminationReason {
  @JsonProperty("terminated_by_user")
  TERMINATED_BY_USER("terminated_by_user"),
  @JsonProperty("idle_timeout")
  IDLE_TIMEOUT("idle_timeout"),
  @JsonProperty("provisioning_timeout")
  PROVISIONING_TIMEOUT("provisioning_timeout"),
  @JsonProperty("error")
  ERROR("error"),
  @JsonProperty("job_finished")
  JOB_FINISHED("job_finished"),
  @JsonProperty("unreachable")
  UNREACHABLE("unreachable"),
  @JsonProperty("no_offers")
  NO_OFFERS("no_offers"),
  @JsonProperty("master_failed")
  MASTER_FAILED("master_failed"),
  @JsonProperty("max_instances_limit")
  MAX_INSTANCES_LIMIT("max_instances_limit"),
  @JsonProperty("fleet_spec_mismatch")
  FLEET_SPEC_MISMATCH("fleet_spec_mismatch");

  private final String wire;

  InstanceTerminationReason(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
