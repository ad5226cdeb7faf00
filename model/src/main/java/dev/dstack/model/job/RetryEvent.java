package dev.dstack.model.job;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The kinds of failure a run's `retry` may cover. */
public enum RetryEvent {
  @JsonProperty("no-capacity")
  NO_CAPACITY("no-capacity"),
  @JsonProperty("interruption")
  INTERRUPTION("interruption"),
  @JsonProperty("error")
  ERROR("error");

  private final String wire;

  RetryEvent(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
