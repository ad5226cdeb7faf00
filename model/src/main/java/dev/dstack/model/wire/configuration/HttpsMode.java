package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import tools.jackson.databind.JsonNode;

public enum HttpsMode {
  ON,
  OFF,
  AUTO;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static HttpsMode parse(JsonNode node) {
    if (node.isBoolean()) {
      return node.booleanValue() ? ON : OFF;
    }
    if (node.isString() && node.stringValue().equals("auto")) {
      return AUTO;
    }
    throw new IllegalArgumentException("https is true, false or auto");
  }

  @JsonValue
  Object wire() {
    return switch (this) {
      case ON -> true;
      case OFF -> false;
      case AUTO -> "auto";
    };
  }
}
