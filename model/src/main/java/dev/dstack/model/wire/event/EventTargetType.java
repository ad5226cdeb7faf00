package dev.dstack.model.wire.event;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum EventTargetType {
  @JsonProperty("project")
  PROJECT("project"),
  @JsonProperty("user")
  USER("user"),
  @JsonProperty("fleet")
  FLEET("fleet"),
  @JsonProperty("instance")
  INSTANCE("instance"),
  @JsonProperty("run")
  RUN("run"),
  @JsonProperty("job")
  JOB("job"),
  @JsonProperty("volume")
  VOLUME("volume"),
  @JsonProperty("gateway")
  GATEWAY("gateway"),
  @JsonProperty("gateway-replica")
  GATEWAY_REPLICA("gateway-replica"),
  @JsonProperty("secret")
  SECRET("secret"),
  @JsonProperty("preset")
  PRESET("preset");

  private final String wire;

  EventTargetType(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
