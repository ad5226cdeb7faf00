package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum CreationPolicy {
  @JsonProperty("reuse")
  REUSE("reuse"),
  @JsonProperty("reuse-or-create")
  REUSE_OR_CREATE("reuse-or-create");

  private final String wire;

  CreationPolicy(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
