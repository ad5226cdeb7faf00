package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Duration;
import tools.jackson.databind.JsonNode;

/**
 * A duration, written as seconds or with a unit: {@code 90}, {@code 5m}, {@code 2h}, {@code 1d},
 * {@code 1w}.
 */
public record Seconds(@JsonValue long value) implements Comparable<Seconds> {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Seconds parse(JsonNode node) {
    return new Seconds(Durations.seconds(node));
  }

  public static Seconds of(Duration duration) {
    return new Seconds(duration.toSeconds());
  }

  public Duration duration() {
    return Duration.ofSeconds(value);
  }

  @Override
  public int compareTo(Seconds other) {
    return Long.compare(value, other.value);
  }
}
