package dev.dstack.model.wire.instance;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum InstanceRuntime {
  @JsonProperty("shim")
  SHIM("shim"),
  @JsonProperty("runner")
  RUNNER("runner");

  private final String wire;

  InstanceRuntime(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
