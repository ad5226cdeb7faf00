package dev.dstack.model.wire.gpu;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.resources.Range;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record CpuGroup(
    List<CpuArch> cpuArch,
    Range<Integer> count,
    Range<Integer> memoryMib,
    Range<Double> price,
    List<Availability> availability,
    List<String> spot,
    @Nullable List<BackendName> backends,
    @Nullable BackendName backend,
    @Nullable List<String> regions,
    @Nullable String region) {
  public CpuGroup {
    cpuArch = Frozen.list(cpuArch);
    availability = Frozen.list(availability);
    spot = Frozen.list(spot);
    backends = Frozen.listOrNull(backends);
    regions = Frozen.listOrNull(regions);
  }
}
