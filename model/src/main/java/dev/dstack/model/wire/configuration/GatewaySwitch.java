package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** The default gateway, which then must exist, or none. */
public record GatewaySwitch(@JsonValue boolean on) implements GatewayOption {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public GatewaySwitch {}
}
