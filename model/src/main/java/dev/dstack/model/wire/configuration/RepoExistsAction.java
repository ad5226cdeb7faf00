package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum RepoExistsAction {
  @JsonProperty("error")
  ERROR("error"),
  @JsonProperty("skip")
  SKIP("skip");

  private final String wire;

  RepoExistsAction(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
