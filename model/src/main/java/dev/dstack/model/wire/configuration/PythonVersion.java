package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum PythonVersion {
  @JsonProperty("3.9")
  PY_3_9("3.9"),
  @JsonProperty("3.10")
  PY_3_10("3.10"),
  @JsonProperty("3.11")
  PY_3_11("3.11"),
  @JsonProperty("3.12")
  PY_3_12("3.12"),
  @JsonProperty("3.13")
  PY_3_13("3.13"),
  @JsonProperty("3.14")
  PY_3_14("3.14"),
  @JsonProperty("3.15")
  PY_3_15("3.15");

  private final String wire;

  PythonVersion(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
