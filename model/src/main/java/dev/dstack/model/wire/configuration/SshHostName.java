package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

public record SshHostName(@JsonValue String hostname) implements SshHost {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public SshHostName {}
}
