package dev.dstack.model.wire.common;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum NetworkMode {
  @JsonProperty("host")
  HOST("host"),
  @JsonProperty("bridge")
  BRIDGE("bridge");

  private final String wire;

  NetworkMode(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
