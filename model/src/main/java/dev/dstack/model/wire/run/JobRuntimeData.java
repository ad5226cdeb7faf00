package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.NetworkMode;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import dev.dstack.model.wire.resources.Memory;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

public record JobRuntimeData(
    NetworkMode networkMode,
    @Nullable Integer gpu,
    @Nullable Double cpu,
    @Nullable Memory memory,
    @Nullable Map<Integer, Integer> ports,
    @Nullable List<String> volumeNames,
    @Nullable InstanceOfferWithAvailability offer,
    @Nullable String workingDir,
    @Nullable String username) {
  public JobRuntimeData {
    ports = Frozen.mapOrNull(ports);
    volumeNames = Frozen.listOrNull(volumeNames);
  }
}
