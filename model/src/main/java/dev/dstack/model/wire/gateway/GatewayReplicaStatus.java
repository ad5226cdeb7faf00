package dev.dstack.model.wire.gateway;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum GatewayReplicaStatus {
  @JsonProperty("submitted")
  SUBMITTED("submitted"),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning"),
  @JsonProperty("running")
  RUNNING("running"),
  @JsonProperty("terminating")
  TERMINATING("terminating"),
  @JsonProperty("terminated")
  TERMINATED("terminated");

  private final String wire;

  GatewayReplicaStatus(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
