package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record ResourcesSpec(
    @Default("{'arch': null, 'count': {'min': 2, 'max': null}}") CpuSpec cpu,
    @Default("{'min': 8.0, 'max': null}") Range<Memory> memory,
    @Nullable Memory shmSize,
    @Default("{'vendor': null, 'name': null, 'count': {'min': 0, 'max': null}, 'memory': null, 'total_memory': null, 'compute_capability': null}") @Nullable GpuSpec gpu,
    @Default("{'size': {'min': 100.0, 'max': null}}") @Nullable DiskSpec disk) {}
