package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A duration that can be switched off: {@code 2h}, {@code off} or {@code false}; {@code true} is
 * the same as saying nothing.
 *
 * @param limit absent: off
 */
public record OffableDuration(@Nullable Duration limit) {
  public static final OffableDuration OFF = new OffableDuration(null);

  public OffableDuration {
    if (limit != null && limit.isNegative()) {
      throw new IllegalArgumentException("a duration is not negative");
    }
  }

  public static OffableDuration of(Duration limit) {
    return new OffableDuration(limit);
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static @Nullable OffableDuration parse(JsonNode node) {
    if (Durations.isOff(node)) {
      return OFF;
    }
    return Durations.isOn(node) ? null : of(Duration.ofSeconds(Durations.seconds(node)));
  }

  @JsonValue
  Object wire() {
    return limit == null ? "off" : limit.toSeconds();
  }
}
