package dev.dstack.model.wire.user;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum GlobalRole {
  @JsonProperty("admin")
  ADMIN("admin"),
  @JsonProperty("user")
  USER("user");

  private final String wire;

  GlobalRole(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
