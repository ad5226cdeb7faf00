package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum StartupOrder {
  @JsonProperty("any")
  ANY("any"),
  @JsonProperty("master-first")
  MASTER_FIRST("master-first"),
  @JsonProperty("workers-first")
  WORKERS_FIRST("workers-first");

  private final String wire;

  StartupOrder(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
