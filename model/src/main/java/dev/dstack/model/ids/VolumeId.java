package dev.dstack.model.ids;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.UUID;

/** Identifies one volume. */
public record VolumeId(@JsonValue UUID value) {
  @JsonCreator
  public VolumeId {}

  public static VolumeId of(String text) {
    return new VolumeId(UUID.fromString(text));
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
