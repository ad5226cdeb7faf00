package dev.dstack.model.wire.gpu;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.resources.Range;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record GpuGroup(
    String name,
    long memoryMib,
    GpuVendor vendor,
    List<Availability> availability,
    List<String> spot,
    Range<Integer> count,
    Range<Double> price,
    @Nullable Range<Double> offerPrice,
    @Nullable List<BackendName> backends,
    @Nullable BackendName backend,
    @Nullable List<String> regions,
    @Nullable String region) {
  public GpuGroup {
    availability = Frozen.list(availability);
    spot = Frozen.list(spot);
    backends = Frozen.listOrNull(backends);
    regions = Frozen.listOrNull(regions);
  }
}
