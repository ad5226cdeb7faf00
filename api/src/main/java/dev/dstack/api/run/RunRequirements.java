package dev.dstack.api.run;

import dev.dstack.model.offer.Requirements;
import dev.dstack.model.offer.Requirements.GpuRequirements;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.resources.DiskSpec;
import dev.dstack.model.wire.resources.GpuSpec;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** From what a file asks for to what placement is decided by. */
final class RunRequirements {
  private RunRequirements() {}

  static Requirements of(dev.dstack.model.wire.run.Requirements wanted, ProfileParams profile) {
    ResourcesSpec resources = wanted.resources();
    Range<Integer> cpus = resources.cpu().count();
    DiskSpec disk = resources.disk();
    return new Requirements(
        resources.cpu().arch(),
        cpus.min() == null ? 0 : cpus.min(),
        cpus.max(),
        mib(resources.memory().min()),
        mibOrNull(resources.memory().max()),
        disk == null ? 0 : mib(disk.size().min()),
        disk == null ? null : mibOrNull(disk.size().max()),
        gpu(resources.gpu()),
        wanted.spot(),
        wanted.maxPrice(),
        profile.backends() == null
            ? List.of()
            : profile.backends().stream().map(BackendName::wire).toList(),
        profile.regions() == null ? List.of() : profile.regions(),
        profile.instanceTypes() == null ? List.of() : profile.instanceTypes());
  }

  private static @Nullable GpuRequirements gpu(@Nullable GpuSpec spec) {
    if (spec == null) {
      return null;
    }
    Range<Integer> count = spec.count();
    Range<Memory> memory = spec.memory();
    Range<Memory> total = spec.totalMemory();
    return new GpuRequirements(
        spec.vendor(),
        spec.name() == null ? List.of() : spec.name(),
        count.min() == null ? 0 : count.min(),
        count.max(),
        memory == null ? null : mibOrNull(memory.min()),
        memory == null ? null : mibOrNull(memory.max()),
        total == null ? null : mibOrNull(total.min()),
        total == null ? null : mibOrNull(total.max()));
  }

  private static long mib(@Nullable Memory memory) {
    return memory == null ? 0 : memory.mib();
  }

  private static @Nullable Long mibOrNull(@Nullable Memory memory) {
    return memory == null ? null : Long.valueOf(memory.mib());
  }
}
