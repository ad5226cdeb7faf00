package dev.dstack.model.offer;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.resources.ComputeCapability;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuModels;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one node asks for. Bounds are inclusive; an absent maximum is unbounded, an empty list is
 * "any".
 *
 * @param spot absent: either
 * @param zones offers that do not say where in their region they are, are not in any of them
 * @param reservation capacity that the user has reserved with the provider; only what is in it fits
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
    List<String> instanceTypes,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> zones,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String reservation) {
  /** Every machine fits. */
  public static final Requirements ANY = atLeast(0, 0, 0);

  public Requirements {
    backends = List.copyOf(backends);
    regions = List.copyOf(regions);
    instanceTypes = List.copyOf(instanceTypes);
    // What was written before there were zones has none.
    zones = zones == null ? List.of() : List.copyOf(zones);
  }

  /** Of any kind, anywhere. */
  public static Requirements atLeast(int cpus, long memoryMib, long diskMib) {
    return new Requirements(
        null, cpus, null, memoryMib, null, diskMib, null, null, null, null, List.of(), List.of(),
        List.of(), List.of(), null);
  }

  /** The same, at these places only. */
  public Requirements within(
      List<String> inBackends, List<String> inRegions, List<String> inZones) {
    return new Requirements(
        arch,
        cpusMin,
        cpusMax,
        memoryMibMin,
        memoryMibMax,
        diskMibMin,
        diskMibMax,
        gpu,
        spot,
        maxPrice,
        inBackends,
        inRegions,
        instanceTypes,
        inZones,
        reservation);
  }

  /**
   * A wish for accelerators; {@code countMin} 0 accepts a machine without any.
   *
   * @param computeCapability at least; of NVIDIA's alone, and a model whose capability is not known
   *     does not fit
   */
  public record GpuRequirements(
      @Nullable GpuVendor vendor,
      List<String> names,
      int countMin,
      @Nullable Integer countMax,
      @Nullable Long memoryMibMin,
      @Nullable Long memoryMibMax,
      @Nullable Long totalMemoryMibMin,
      @Nullable Long totalMemoryMibMax,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable ComputeCapability computeCapability) {
    public GpuRequirements {
      names = List.copyOf(names);
    }

    /** Empty: it fits. Otherwise why not, in words for a person. */
    Optional<String> refusal(List<Gpu> has) {
      if (has.isEmpty() && countMin == 0) {
        return Optional.empty();
      }
      List<Gpu> fitting = fitting(has);
      if (fitting.size() < Math.max(1, countMin) || (countMax != null && has.size() > countMax)) {
        return Optional.of("gpu: has " + shown(has) + ", asked " + this);
      }
      long total = fitting.stream().mapToLong(GpuModels::nominalMib).sum();
      return outside(total, orZero(totalMemoryMibMin), totalMemoryMibMax)
          ? Optional.of("gpu: has " + gb(total) + " of memory in all, asked " + this)
          : Optional.empty();
    }

    List<Gpu> fitting(List<Gpu> has) {
      List<Gpu> fitting = new ArrayList<>(has.size());
      for (Gpu one : has) {
        if ((vendor == null || vendor == one.vendor())
            && (names.isEmpty() || contains(names, one.name()))
            && !outside(GpuModels.nominalMib(one), orZero(memoryMibMin), memoryMibMax)
            && capable(one)) {
          fitting.add(one);
        }
      }
      return fitting;
    }

    private boolean capable(Gpu gpu) {
      return computeCapability == null
          || GpuModels.capability(gpu)
              .filter(its -> its.compareTo(computeCapability) >= 0)
              .isPresent();
    }

    private static long orZero(@Nullable Long value) {
      return value == null ? 0 : value;
    }

    private static String shown(List<Gpu> gpus) {
      if (gpus.isEmpty()) {
        return "none";
      }
      Gpu first = gpus.getFirst();
      return first.name() + ":" + gb(GpuModels.nominalMib(first)) + ":" + gpus.size();
    }

    /** As a user writes it, such as {@code A100,H100:40GB..:2..}. */
    @Override
    public String toString() {
      List<String> parts = new ArrayList<>();
      if (!names.isEmpty()) {
        parts.add(String.join(",", names));
      } else if (vendor != null) {
        parts.add(vendor.wire());
      }
      if (memoryMibMin != null || memoryMibMax != null) {
        parts.add(gbRange(orZero(memoryMibMin), memoryMibMax));
      }
      parts.add(range(countMin, countMax));
      String text = String.join(":", parts);
      if (totalMemoryMibMin != null || totalMemoryMibMax != null) {
        text += " with " + gbRange(orZero(totalMemoryMibMin), totalMemoryMibMax) + " in all";
      }
      return computeCapability == null
          ? text
          : text + " of compute capability " + computeCapability + " or more";
    }
  }

  /** Empty: it fits. Otherwise the first reason why not, in words for a person. */
  public Optional<String> refusal(Offer offer) {
    Resources has = offer.resources();
    if (!backends.isEmpty()
        && !contains(backends, offer.backend().name())
        && !contains(backends, offer.backend().wire())) {
      return Optional.of("backend: is " + offer.backend() + ", asked " + list(backends));
    }
    if (!regions.isEmpty() && !contains(regions, offer.region())) {
      return Optional.of("region: is " + offer.region() + ", asked " + list(regions));
    }
    if (!zones.isEmpty() && offer.zones().stream().noneMatch(zone -> contains(zones, zone))) {
      return Optional.of(
          "zone: "
              + (offer.zones().isEmpty() ? "is not known" : "is " + list(offer.zones()))
              + ", asked "
              + list(zones));
    }
    if (!instanceTypes.isEmpty() && !contains(instanceTypes, offer.instanceType())) {
      return Optional.of(
          "instance type: is " + offer.instanceType() + ", asked " + list(instanceTypes));
    }
    if (reservation != null && !reservation.equals(offer.reservation())) {
      return Optional.of("reservation: is not part of " + reservation);
    }
    if (spot != null && spot != has.spot()) {
      return Optional.of(
          has.spot()
              ? "spot: is a spot machine, asked on-demand"
              : "spot: is on-demand, asked spot");
    }
    if (maxPrice != null && offer.price() > maxPrice) {
      return Optional.of("price: is $" + trim(offer.price()) + ", max_price is $" + trim(maxPrice));
    }
    return refusal(has);
  }

  /** Empty: these resources satisfy the request. */
  public Optional<String> refusal(Resources has) {
    if (arch != null && arch != has.arch()) {
      return Optional.of("cpu: is " + has.arch().wire() + ", asked " + arch.wire());
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
    return gpu == null ? Optional.empty() : gpu.refusal(has.gpus());
  }

  /** The offer in those of its zones that are asked for. */
  public Offer narrowed(Offer offer) {
    return zones.isEmpty()
        ? offer
        : offer.inZones(offer.zones().stream().filter(zone -> contains(zones, zone)).toList());
  }

  /**
   * What a claim by request takes: the least that was asked for, of the accelerators the first that
   * fit.
   */
  public Resources taken(Resources from) {
    int gpus = gpu == null ? 0 : gpu.countMin();
    List<Gpu> fitting = gpu == null ? List.of() : gpu.fitting(from.gpus());
    return new Resources(
        from.arch(),
        cpusMin,
        memoryMibMin,
        diskMibMin,
        fitting.subList(0, Math.min(gpus, fitting.size())),
        from.spot());
  }

  private static boolean contains(List<String> names, String name) {
    for (String one : names) {
      if (one.equalsIgnoreCase(name)) {
        return true;
      }
    }
    return false;
  }

  private static String list(List<String> names) {
    return String.join(" or ", names);
  }

  private static boolean outside(long value, long min, @Nullable Long max) {
    return value < min || (max != null && value > max);
  }

  private static String range(int min, @Nullable Integer max) {
    return max != null && max == min
        ? Integer.toString(min)
        : min + ".." + (max == null ? "" : max);
  }

  private static String gbRange(long min, @Nullable Long max) {
    return max != null && max == min ? gb(min) : gb(min) + ".." + (max == null ? "" : gb(max));
  }

  private static String gb(long mib) {
    return trim(Math.round(mib / 102.4) / 10.0) + "GB";
  }

  private static String trim(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
