package dev.dstack.model.wire.configuration;

import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record ProfileRetry(
    @Nullable List<RetryEvent> onEvents,
    @Nullable Seconds duration) implements RetryOption {
  public ProfileRetry {
    onEvents = Frozen.listOrNull(onEvents);
  }
}
