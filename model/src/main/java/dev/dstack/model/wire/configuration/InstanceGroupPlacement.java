package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum InstanceGroupPlacement {
  @JsonProperty("any")
  ANY("any"),
  @JsonProperty("cluster")
  CLUSTER("cluster");

  private final String wire;

  InstanceGroupPlacement(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
