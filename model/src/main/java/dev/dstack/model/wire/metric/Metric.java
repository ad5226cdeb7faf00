package dev.dstack.model.wire.metric;

import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;

public record Metric(String name, List<Instant> timestamps, List<Number> values) {
  public Metric {
    timestamps = Frozen.list(timestamps);
    values = Frozen.list(values);
  }
}
