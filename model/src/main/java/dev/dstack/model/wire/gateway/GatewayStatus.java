package dev.dstack.model.wire.gateway;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum GatewayStatus {
  @JsonProperty("submitted")
  SUBMITTED("submitted"),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning"),
  @JsonProperty("running")
  RUNNING("running"),
  @JsonProperty("failed")
  FAILED("failed");

  private final String wire;

  GatewayStatus(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
