package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum Ide {
  @JsonProperty("vscode")
  VSCODE("vscode"),
  @JsonProperty("cursor")
  CURSOR("cursor"),
  @JsonProperty("windsurf")
  WINDSURF("windsurf"),
  @JsonProperty("zed")
  ZED("zed");

  private final String wire;

  Ide(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
