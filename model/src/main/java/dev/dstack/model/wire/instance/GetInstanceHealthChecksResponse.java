package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record GetInstanceHealthChecksResponse(List<HealthCheck> healthChecks) {
  public GetInstanceHealthChecksResponse {
    healthChecks = Frozen.list(healthChecks);
  }
}
