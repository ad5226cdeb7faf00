package dev.dstack.model.wire.user;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum ProjectRole {
  @JsonProperty("admin")
  ADMIN("admin"),
  @JsonProperty("manager")
  MANAGER("manager"),
  @JsonProperty("user")
  USER("user");

  private final String wire;

  ProjectRole(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
