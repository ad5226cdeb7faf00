package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;

public record HealthCheck(Instant collectedAt, HealthStatus status, List<HealthEvent> events) {
  public HealthCheck {
    events = Frozen.list(events);
  }
}
