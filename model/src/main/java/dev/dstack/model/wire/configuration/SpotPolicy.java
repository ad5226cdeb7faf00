package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum SpotPolicy {
  @JsonProperty("spot")
  SPOT("spot"),
  @JsonProperty("on-demand")
  ON_DEMAND("on-demand"),
  @JsonProperty("auto")
  AUTO("auto");

  private final String wire;

  SpotPolicy(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
