package dev.dstack.model.ids;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.UUID;

/** Identifies one instance. */
public record InstanceId(@JsonValue UUID value) {
  @JsonCreator
  public InstanceId {}

  public static InstanceId of(String text) {
    return new InstanceId(UUID.fromString(text));
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
