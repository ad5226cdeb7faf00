package dev.dstack.api.metrics;

import dev.dstack.db.metrics.JobSample;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.wire.metric.JobMetrics;
import dev.dstack.model.wire.metric.Metric;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Samples as clients know them: a series for each kind of value, the latest first. */
final class JobMetricsView {
  private static final long MIB = 1024 * 1024;

  private JobMetricsView() {}

  /**
   * @param samples the latest first. The earliest is only what the one after it is compared with,
   *     since processor time is counted from a job's start
   * @param resources what the job has; absent before it is placed
   */
  static JobMetrics of(List<JobSample> samples, @Nullable Resources resources) {
    if (samples.size() < 2) {
      return new JobMetrics(List.of());
    }
    List<JobSample> shown = samples.subList(0, samples.size() - 1);
    List<Instant> times = shown.stream().map(JobSample::at).toList();
    List<Number> cpu = new ArrayList<>();
    for (int i = 0; i < shown.size(); i++) {
      cpu.add(cpuPercent(samples.get(i), samples.get(i + 1)));
    }
    List<Metric> metrics = new ArrayList<>();
    metrics.add(new Metric("cpu_usage_percent", times, cpu));
    metrics.add(series("memory_usage_bytes", times, shown, JobSample::memoryBytes));
    metrics.add(series("memory_working_set_bytes", times, shown, JobSample::workingSetBytes));
    if (resources != null) {
      metrics.add(constant("cpus_detected_num", times, whole(resources.cpus())));
      metrics.add(constant("memory_total_bytes", times, resources.memoryMib() * MIB));
    }
    addGpus(metrics, times, shown, resources);
    return new JobMetrics(metrics);
  }

  /**
   * Accelerators are known by their place only, so a series in which their number changes is none.
   */
  private static void addGpus(
      List<Metric> metrics,
      List<Instant> times,
      List<JobSample> shown,
      @Nullable Resources resources) {
    int count = shown.getFirst().gpuUtil().size();
    if (shown.stream().anyMatch(sample -> sample.gpuUtil().size() != count)) {
      return;
    }
    metrics.add(constant("gpus_detected_num", times, count));
    if (resources != null && !resources.gpus().isEmpty()) {
      metrics.add(
          constant("gpu_memory_total_bytes", times, resources.gpus().getFirst().memoryMib() * MIB));
    }
    for (int i = 0; i < count; i++) {
      int gpu = i;
      metrics.add(
          series(
              "gpu_memory_usage_bytes_gpu" + i,
              times,
              shown,
              sample -> sample.gpuMemoryBytes().get(gpu)));
    }
    for (int i = 0; i < count; i++) {
      int gpu = i;
      metrics.add(
          series("gpu_util_percent_gpu" + i, times, shown, sample -> sample.gpuUtil().get(gpu)));
    }
  }

  private static Metric series(
      String name, List<Instant> times, List<JobSample> shown, Function<JobSample, Number> value) {
    return new Metric(name, times, shown.stream().map(value).toList());
  }

  private static Metric constant(String name, List<Instant> times, Number value) {
    return new Metric(name, times, Collections.nCopies(times.size(), value));
  }

  private static Number whole(double number) {
    if (number == Math.rint(number)) {
      return (long) number;
    }
    return number;
  }

  private static long cpuPercent(JobSample sample, JobSample before) {
    long micros = ChronoUnit.MICROS.between(before.at(), sample.at());
    return micros == 0
        ? 0
        : (long) Math.rint((sample.cpuMicros() - before.cpuMicros()) * 100.0 / micros);
  }
}
