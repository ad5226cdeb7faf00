package dev.dstack.model.wire.common;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum ApplyAction {
  @JsonProperty("create")
  CREATE("create"),
  @JsonProperty("update")
  UPDATE("update");

  private final String wire;

  ApplyAction(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
