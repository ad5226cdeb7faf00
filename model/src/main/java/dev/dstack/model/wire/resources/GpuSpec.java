package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.resources.GpuVendor;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record GpuSpec(
    @Nullable GpuVendor vendor,
    @Nullable List<String> name,
    @Default("{'min': 1, 'max': null}") Range<Integer> count,
    @Nullable Range<Memory> memory,
    @Nullable Range<Memory> totalMemory,
    @Nullable ComputeCapability computeCapability) {
  public GpuSpec {
    name = Frozen.listOrNull(name);
  }
}
