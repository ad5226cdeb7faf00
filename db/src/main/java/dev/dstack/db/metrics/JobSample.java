package dev.dstack.db.metrics;

import dev.dstack.model.ids.JobId;
import java.time.Instant;
import java.util.List;

/**
 * What a job used at one moment.
 *
 * @param cpuMicros processor time since its start, in microseconds
 * @param gpuMemoryBytes one for each accelerator, in the order of their indexes
 * @param gpuUtil percent, in the same order
 */
public record JobSample(
    JobId job,
    Instant at,
    long cpuMicros,
    long memoryBytes,
    long workingSetBytes,
    List<Long> gpuMemoryBytes,
    List<Integer> gpuUtil) {
  public JobSample {
    gpuMemoryBytes = List.copyOf(gpuMemoryBytes);
    gpuUtil = List.copyOf(gpuUtil);
  }
}
