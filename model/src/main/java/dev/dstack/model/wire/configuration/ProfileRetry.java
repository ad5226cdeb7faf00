package dev.dstack.model.wire.configuration;

import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * @param onEvents absent: all
 * @param duration absent: the default of an hour
 */
public record ProfileRetry(@Nullable List<RetryEvent> onEvents, @Nullable Seconds duration)
    implements RetryOption {
  public ProfileRetry {
    onEvents = Frozen.listOrNull(onEvents);
    if (onEvents != null && onEvents.isEmpty()) {
      throw new InvalidFieldException(
          "on_events", "name at least one event, or leave it out for all");
    }
  }
}
