package dev.dstack.model.wire.volume;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum VolumeStatus {
  @JsonProperty("submitted")
  SUBMITTED("submitted"),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning"),
  @JsonProperty("active")
  ACTIVE("active"),
  @JsonProperty("failed")
  FAILED("failed");

  private final String wire;

  VolumeStatus(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
