package dev.dstack.model.resources;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum CpuArch {
  @JsonProperty("x86")
  X86("x86"),
  @JsonProperty("arm")
  ARM("arm");

  private final String wire;

  CpuArch(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
