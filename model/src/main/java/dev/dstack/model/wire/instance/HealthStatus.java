package dev.dstack.model.wire.instance;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum HealthStatus {
  @JsonProperty("healthy")
  HEALTHY("healthy"),
  @JsonProperty("warning")
  WARNING("warning"),
  @JsonProperty("failure")
  FAILURE("failure");

  private final String wire;

  HealthStatus(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
