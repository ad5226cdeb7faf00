package dev.dstack.backends.scripted;

import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.Resources;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What simulated tasks use: waves that follow from the time since their start alone. */
final class SimulatedMetrics {
  private static final long MIB = 1024 * 1024;

  /** One wave takes so long. */
  private static final double PERIOD_SECONDS = 120;

  private SimulatedMetrics() {}

  /**
   * @param gpuUtil percent; absent: a wave
   */
  static TaskMetrics of(Resources machine, Instant start, @Nullable Integer gpuUtil, Instant now) {
    Instant at = now.truncatedTo(ChronoUnit.MICROS);
    double seconds = Math.max(0, Duration.between(start, at).toNanos() / 1e9);
    double angle = 2 * Math.PI * seconds / PERIOD_SECONDS;
    // The integral of cpus * (0.5 + 0.3 sin): it only grows, as processor time does.
    double busy =
        machine.cpus()
            * (0.5 * seconds + 0.3 * PERIOD_SECONDS / (2 * Math.PI) * (1 - Math.cos(angle)));
    long total = machine.memoryMib() * MIB;
    long workingSet = (long) (total * (0.30 + 0.10 * Math.sin(angle)));
    List<TaskMetrics.GpuUse> gpus = new ArrayList<>();
    for (int i = 0; i < machine.gpus().size(); i++) {
      Gpu gpu = machine.gpus().get(i);
      long gpuTotal = gpu.memoryMib() * MIB;
      gpus.add(
          new TaskMetrics.GpuUse(
              i, gpuTotal / 2, gpuTotal, gpuUtil == null ? util(angle, i) : gpuUtil));
    }
    return new TaskMetrics(
        at, (long) (busy * 1e6), workingSet + total / 20, workingSet, machine.cpus(), total, gpus);
  }

  private static int util(double angle, int gpu) {
    return (int) Math.round(80 + 15 * Math.sin(angle + gpu));
  }

  /** What an exporter of that machine would say; absent without accelerators. */
  static @Nullable String dcgm(Resources machine, Instant start, Instant now) {
    if (machine.gpus().isEmpty()) {
      return null;
    }
    double angle = 2 * Math.PI * (Duration.between(start, now).toNanos() / 1e9) / PERIOD_SECONDS;
    StringBuilder text = new StringBuilder();
    family(text, machine, "DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", angle, 0);
    family(text, machine, "DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", angle, -30);
    family(
        text,
        machine,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Total energy consumption since boot (in mJ).",
        angle,
        1_000_000);
    return text.toString();
  }

  private static void family(
      StringBuilder text,
      Resources machine,
      String name,
      String type,
      String help,
      double angle,
      int shift) {
    text.append("# HELP ").append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    for (int i = 0; i < machine.gpus().size(); i++) {
      text.append(
          String.format(
              Locale.ROOT,
              "%s{gpu=\"%d\",UUID=\"GPU-simulated-%d\",modelName=\"%s\"} %d\n",
              name,
              i,
              i,
              machine.gpus().get(i).name(),
              util(angle, i) + shift));
    }
  }
}
