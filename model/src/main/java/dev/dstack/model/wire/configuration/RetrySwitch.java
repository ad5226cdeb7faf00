package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** Retry everything, or nothing. */
public record RetrySwitch(@JsonValue boolean on) implements RetryOption {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public RetrySwitch {}
}
