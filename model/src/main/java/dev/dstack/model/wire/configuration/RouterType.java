package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum RouterType {
  @JsonProperty("smg")
  SMG("smg"),
  @JsonProperty("dynamo")
  DYNAMO("dynamo");

  private final String wire;

  RouterType(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
