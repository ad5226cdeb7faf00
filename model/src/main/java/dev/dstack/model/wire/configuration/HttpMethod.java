package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum HttpMethod {
  @JsonProperty("get")
  GET,
  @JsonProperty("post")
  POST,
  @JsonProperty("put")
  PUT,
  @JsonProperty("delete")
  DELETE,
  @JsonProperty("patch")
  PATCH,
  @JsonProperty("head")
  HEAD
}
