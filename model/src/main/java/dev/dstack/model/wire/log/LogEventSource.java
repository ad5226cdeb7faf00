package dev.dstack.model.wire.log;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum LogEventSource {
  @JsonProperty("stdout")
  STDOUT("stdout"),
  @JsonProperty("stderr")
  STDERR("stderr");

  private final String wire;

  LogEventSource(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
