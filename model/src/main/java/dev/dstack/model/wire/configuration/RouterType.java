package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

public enum RouterType {
  SMG,
  DYNAMO;

  /** The older word for SMG is still the one that every client reads. */
  @JsonValue
  public String wire() {
    return this == SMG ? "sglang" : "dynamo";
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static RouterType parse(String text) {
    return switch (text) {
      case "smg", "sglang" -> SMG;
      case "dynamo" -> DYNAMO;
      default -> throw new IllegalArgumentException("router is smg or dynamo");
    };
  }
}
