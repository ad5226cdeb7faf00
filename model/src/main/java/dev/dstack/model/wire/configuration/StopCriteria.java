package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum StopCriteria {
  @JsonProperty("all-done")
  ALL_DONE("all-done"),
  @JsonProperty("master-done")
  MASTER_DONE("master-done");

  private final String wire;

  StopCriteria(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
