package dev.dstack.model.offer;

import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one node asks for. Bounds are inclusive; an absent maximum is unbounded, an empty list is
 * "any".
 *
 * @param spot absent: either
 */
public record Requirements(
    @Nullable CpuArch arch,
    int cpusMin,
    @Nullable Integer cpusMax,
    long memoryMibMin,
    @Nullable Long memoryMibMax,
    long diskMibMin,
    @Nullable Long diskMibMax,
    @Nullable GpuRequirements gpu,
    @Nullable Boolean spot,
    @Nullable Double maxPrice,
    List<String> backends,
    List<String> regions,
    List<String> instanceTypes) {

  public Requirements {
    backends = List.copyOf(backends);
    regions = List.copyOf(regions);
    instanceTypes = List.copyOf(instanceTypes);
  }

  /** A wish for accelerators; {@code countMin} 0 accepts a machine without any. */
  public record GpuRequirements(
      @Nullable GpuVendor vendor,
      List<String> names,
      int countMin,
      @Nullable Integer countMax,
      @Nullable Long memoryMibMin,
      @Nullable Long memoryMibMax,
      @Nullable Long totalMemoryMibMin,
      @Nullable Long totalMemoryMibMax) {
    public GpuRequirements {
      names = List.copyOf(names);
    }
  }

  /** Empty: it fits. Otherwise the first reason why not, in words for a person. */
  public Optional<String> refusal(Offer offer) {
    Resources has = offer.resources();
    if (!backends.isEmpty()
        && !contains(backends, offer.backend().name())
        && !contains(backends, offer.backend().wire())) {
      return Optional.of("backend " + offer.backend() + " is not among " + backends);
    }
    if (!regions.isEmpty() && !contains(regions, offer.region())) {
      return Optional.of("region " + offer.region() + " is not among " + regions);
    }
    if (!instanceTypes.isEmpty() && !contains(instanceTypes, offer.instanceType())) {
      return Optional.of(
          "instance type " + offer.instanceType() + " is not among " + instanceTypes);
    }
    if (spot != null && spot != has.spot()) {
      return Optional.of(has.spot() ? "it is a spot machine" : "it is an on-demand machine");
    }
    if (maxPrice != null && offer.price() > maxPrice) {
      return Optional.of("price " + offer.price() + " is above max_price " + maxPrice);
    }
    return refusal(has);
  }

  /** Empty: these resources satisfy the request. */
  public Optional<String> refusal(Resources has) {
    if (arch != null && arch != has.arch()) {
      return Optional.of("cpu is " + has.arch().wire() + ", " + arch.wire() + " is asked for");
    }
    if (has.cpus() < cpusMin || (cpusMax != null && has.cpus() > cpusMax)) {
      return Optional.of("cpu: has " + trim(has.cpus()) + ", asked " + range(cpusMin, cpusMax));
    }
    if (outside(has.memoryMib(), memoryMibMin, memoryMibMax)) {
      return Optional.of(
          "memory: has " + gb(has.memoryMib()) + ", asked " + gbRange(memoryMibMin, memoryMibMax));
    }
    if (outside(has.diskMib(), diskMibMin, diskMibMax)) {
      return Optional.of(
          "disk: has " + gb(has.diskMib()) + ", asked " + gbRange(diskMibMin, diskMibMax));
    }
    return gpu == null ? Optional.empty() : gpuRefusal(gpu, has.gpus());
  }

  /**
   * What a claim by request takes: the least that was asked for, of the accelerators the first that
   * fit.
   */
  public Resources taken(Resources from) {
    int gpus = gpu == null ? 0 : gpu.countMin();
    List<Gpu> fitting = gpu == null ? List.of() : fitting(gpu, from.gpus());
    return new Resources(
        from.arch(),
        cpusMin,
        memoryMibMin,
        diskMibMin,
        fitting.subList(0, Math.min(gpus, fitting.size())),
        from.spot());
  }

  private static Optional<String> gpuRefusal(GpuRequirements gpu, List<Gpu> has) {
    List<Gpu> fitting = fitting(gpu, has);
    if (fitting.size() < gpu.countMin()) {
      return Optional.of(
          "gpu: has "
              + fitting.size()
              + " that fit, asked "
              + range(gpu.countMin(), gpu.countMax()));
    }
    if (gpu.countMax() != null && has.size() > gpu.countMax()) {
      return Optional.of(
          "gpu: has " + has.size() + ", asked " + range(gpu.countMin(), gpu.countMax()));
    }
    long total = fitting.stream().mapToLong(Gpu::memoryMib).sum();
    if (gpu.countMin() > 0
        && outside(
            total,
            gpu.totalMemoryMibMin() == null ? 0 : gpu.totalMemoryMibMin(),
            gpu.totalMemoryMibMax())) {
      return Optional.of("gpu: total memory is " + gb(total));
    }
    return Optional.empty();
  }

  private static List<Gpu> fitting(GpuRequirements gpu, List<Gpu> has) {
    List<Gpu> fitting = new ArrayList<>();
    for (Gpu one : has) {
      boolean memoryFits =
          !outside(
              one.memoryMib(),
              gpu.memoryMibMin() == null ? 0 : gpu.memoryMibMin(),
              gpu.memoryMibMax());
      if ((gpu.vendor() == null || gpu.vendor() == one.vendor())
          && (gpu.names().isEmpty() || contains(gpu.names(), one.name()))
          && memoryFits) {
        fitting.add(one);
      }
    }
    return fitting;
  }

  private static boolean contains(List<String> names, String name) {
    String wanted = name.toLowerCase(Locale.ROOT);
    return names.stream().anyMatch(n -> n.toLowerCase(Locale.ROOT).equals(wanted));
  }

  private static boolean outside(long value, long min, @Nullable Long max) {
    return value < min || (max != null && value > max);
  }

  private static String range(int min, @Nullable Integer max) {
    return min + ".." + (max == null ? "" : max);
  }

  private static String gbRange(long min, @Nullable Long max) {
    return gb(min) + ".." + (max == null ? "" : gb(max));
  }

  private static String gb(long mib) {
    return trim(Math.round(mib / 102.4) / 10.0) + "GB";
  }

  private static String trim(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
