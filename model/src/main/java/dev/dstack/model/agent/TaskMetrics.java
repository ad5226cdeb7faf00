package dev.dstack.model.agent;

import java.time.Instant;
import java.util.List;

/**
 * What a task uses now, {@code GET /v1/tasks/{id}/metrics}.
 *
 * @param cpuMicros processor time since its start, in microseconds
 * @param memoryBytes memory in use, with the page cache
 * @param workingSetBytes memory in use without what could be dropped at once
 * @param memoryLimitBytes what it may use at most
 */
public record TaskMetrics(
    Instant at,
    long cpuMicros,
    long memoryBytes,
    long workingSetBytes,
    double cpus,
    long memoryLimitBytes,
    List<GpuUse> gpus) {
  public TaskMetrics {
    gpus = List.copyOf(gpus);
  }

  /**
   * @param utilPercent 0 to 100
   */
  public record GpuUse(int index, long memoryBytes, long memoryTotalBytes, int utilPercent) {}
}
