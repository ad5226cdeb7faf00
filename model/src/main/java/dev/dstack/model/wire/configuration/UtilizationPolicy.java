package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;

public record UtilizationPolicy(int minGpuUtilization, Seconds timeWindow) {
  public UtilizationPolicy {
    Checks.within("min_gpu_utilization", minGpuUtilization, 0, 100);
    Checks.holds(timeWindow.value() >= 300, "time_window", "the shortest one is 5m");
  }
}
