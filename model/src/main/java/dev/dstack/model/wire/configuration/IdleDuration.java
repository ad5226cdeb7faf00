package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** How long something may be idle, in seconds; negative, written {@code off}, means for ever. */
public record IdleDuration(@JsonValue long seconds) {
  public static final IdleDuration NEVER = new IdleDuration(-1);

  public static IdleDuration of(Duration duration) {
    return new IdleDuration(duration.toSeconds());
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static @Nullable IdleDuration parse(JsonNode node) {
    if (Durations.isOff(node)) {
      return NEVER;
    }
    return Durations.isOn(node) ? null : new IdleDuration(Durations.seconds(node));
  }

  public boolean isNever() {
    return seconds < 0;
  }

  /** Of two wishes the shorter one; never is the longest. */
  public IdleDuration shorter(IdleDuration other) {
    if (isNever() != other.isNever()) {
      return isNever() ? other : this;
    }
    return seconds <= other.seconds ? this : other;
  }
}
