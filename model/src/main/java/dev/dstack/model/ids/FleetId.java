package dev.dstack.model.ids;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.UUID;

/** Identifies one fleet. */
public record FleetId(@JsonValue UUID value) {
  @JsonCreator
  public FleetId {}

  public static FleetId of(String text) {
    return new FleetId(UUID.fromString(text));
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
