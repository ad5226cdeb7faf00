package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How long a dev environment may be without a connection; {@code off} is the same as saying
 * nothing.
 */
public record InactivityDuration(@JsonValue long seconds) {
  public InactivityDuration {
    if (seconds < 0) {
      throw new IllegalArgumentException("a duration is not negative");
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static @Nullable InactivityDuration parse(JsonNode node) {
    return Durations.isOff(node) || Durations.isOn(node)
        ? null
        : new InactivityDuration(Durations.seconds(node));
  }

  public Duration duration() {
    return Duration.ofSeconds(seconds);
  }
}
