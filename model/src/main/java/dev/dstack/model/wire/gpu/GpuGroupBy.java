package dev.dstack.model.wire.gpu;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum GpuGroupBy {
  @JsonProperty("backend")
  BACKEND,
  @JsonProperty("region")
  REGION,
  @JsonProperty("count")
  COUNT
}
