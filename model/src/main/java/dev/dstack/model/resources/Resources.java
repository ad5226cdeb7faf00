package dev.dstack.model.resources;

import java.util.List;
import java.util.Locale;

/**
 * What a machine has, or what a claim takes of it.
 *
 * @param cpus logical processors; fractional only for what a claim takes
 */
public record Resources(
    CpuArch arch, double cpus, long memoryMib, long diskMib, List<Gpu> gpus, boolean spot) {
  public Resources {
    if (cpus < 0 || memoryMib < 0 || diskMib < 0) {
      throw new IllegalArgumentException("resources can't be negative");
    }
    gpus = List.copyOf(gpus);
  }

  /** The short form of plans and listings, such as {@code cpu=x86:2 mem=23.5GB disk=65.7GB}. */
  public String pretty() {
    StringBuilder text = new StringBuilder();
    text.append("cpu=").append(arch.wire()).append(':').append(number(cpus));
    text.append(" mem=").append(gigabytes(memoryMib));
    text.append(" disk=").append(gigabytes(diskMib));
    if (!gpus.isEmpty()) {
      Gpu first = gpus.getFirst();
      text.append(" gpu=").append(first.name()).append(':').append(gigabytes(first.memoryMib()));
      text.append(':').append(gpus.size());
    }
    if (spot) {
      text.append(" (spot)");
    }
    return text.toString();
  }

  private static String gigabytes(long mib) {
    return number(Math.round(mib / 1024.0 * 10) / 10.0) + "GB";
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%.1f", value);
  }
}
