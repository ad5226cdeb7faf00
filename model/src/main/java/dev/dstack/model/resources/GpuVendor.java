package dev.dstack.model.resources;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum GpuVendor {
  @JsonProperty("nvidia")
  NVIDIA("nvidia"),
  @JsonProperty("amd")
  AMD("amd"),
  @JsonProperty("google")
  GOOGLE("google"),
  @JsonProperty("intel")
  INTEL("intel"),
  @JsonProperty("tenstorrent")
  TENSTORRENT("tenstorrent");

  private final String wire;

  GpuVendor(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
