package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

/** What a run or fleet asks of a machine. */
public record ResourcesSpec(
    @Default("'2..'") CpuSpec cpu,
    @Default("'8GB..'") Range<Memory> memory,
    @Nullable Memory shmSize,
    @Default("{'count': '0..'}") @Nullable GpuSpec gpu,
    @Default("'100GB..'") @Nullable DiskSpec disk) {

  /** What is asked when nothing is said. */
  public static ResourcesSpec defaults() {
    return new ResourcesSpec(
        new CpuSpec(null, Range.atLeast(2)),
        Range.atLeast(Memory.ofGigabytes(8)),
        null,
        anyGpu(),
        new DiskSpec(Range.atLeast(Memory.ofGigabytes(100))));
  }

  /** Accelerators are welcome but not needed. */
  public static GpuSpec anyGpu() {
    return new GpuSpec(null, null, Range.atLeast(0), null, null, null);
  }

  public ResourcesSpec withCpu(CpuSpec newCpu) {
    return new ResourcesSpec(newCpu, memory, shmSize, gpu, disk);
  }

  public ResourcesSpec withMemory(Range<Memory> newMemory) {
    return new ResourcesSpec(cpu, newMemory, shmSize, gpu, disk);
  }

  public ResourcesSpec withGpu(@Nullable GpuSpec newGpu) {
    return new ResourcesSpec(cpu, memory, shmSize, newGpu, disk);
  }

  public ResourcesSpec withDisk(@Nullable DiskSpec newDisk) {
    return new ResourcesSpec(cpu, memory, shmSize, gpu, newDisk);
  }
}
