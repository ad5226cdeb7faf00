package dev.dstack.model.config;

import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.resources.GpuSpec;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** From requirements of the wire to those that offers are matched with. */
public final class EngineRequirements {
  private EngineRequirements() {}

  public static Requirements of(
      dev.dstack.model.wire.run.Requirements wire, ProfileParams profile) {
    ResourcesSpec wanted = wire.resources();
    Range<Memory> disk = wanted.disk() == null ? null : wanted.disk().size();
    return new Requirements(
        wanted.cpu().arch(),
        orZero(wanted.cpu().count().min()),
        wanted.cpu().count().max(),
        mibMin(wanted.memory()),
        mibMax(wanted.memory()),
        disk == null ? 0 : mibMin(disk),
        disk == null ? null : mibMax(disk),
        wanted.gpu() == null ? null : gpu(wanted.gpu()),
        wire.spot(),
        wire.maxPrice(),
        profile.backends() == null
            ? List.of()
            : profile.backends().stream().map(BackendName::wire).toList(),
        Objects.requireNonNullElse(profile.regions(), List.of()),
        Objects.requireNonNullElse(profile.instanceTypes(), List.of()),
        Objects.requireNonNullElse(profile.availabilityZones(), List.of()),
        wire.reservation());
  }

  private static Requirements.GpuRequirements gpu(GpuSpec gpu) {
    return new Requirements.GpuRequirements(
        gpu.vendor(),
        Objects.requireNonNullElse(gpu.name(), List.of()),
        orZero(gpu.count().min()),
        gpu.count().max(),
        gpu.memory() == null ? null : mibMin(gpu.memory()),
        gpu.memory() == null ? null : mibMax(gpu.memory()),
        gpu.totalMemory() == null ? null : mibMin(gpu.totalMemory()),
        gpu.totalMemory() == null ? null : mibMax(gpu.totalMemory()),
        gpu.computeCapability());
  }

  private static int orZero(@Nullable Integer value) {
    return value == null ? 0 : value;
  }

  private static long mibMin(Range<Memory> range) {
    return range.min() == null ? 0 : range.min().mib();
  }

  private static @Nullable Long mibMax(Range<Memory> range) {
    return range.max() == null ? null : Long.valueOf(range.max().mib());
  }
}
