package dev.dstack.model.wire.run;

import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.json.Frozen;
import java.util.List;

public record Retry(List<RetryEvent> onEvents, int duration) {
  public Retry {
    onEvents = Frozen.list(onEvents);
  }
}
