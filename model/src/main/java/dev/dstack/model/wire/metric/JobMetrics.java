package dev.dstack.model.wire.metric;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record JobMetrics(List<Metric> metrics) {
  public JobMetrics {
    metrics = Frozen.list(metrics);
  }
}
