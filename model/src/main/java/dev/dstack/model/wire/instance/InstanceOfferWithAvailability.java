package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.wire.common.BackendName;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

public record InstanceOfferWithAvailability(
    BackendName backend,
    InstanceType instance,
    String region,
    double price,
    @Default("{}") Map<String, JsonNode> backendData,
    Availability availability,
    @Nullable List<String> availabilityZones,
    @Default("'shim'") InstanceRuntime instanceRuntime,
    @Default("1") int blocks,
    @Default("1") int totalBlocks) {
  public InstanceOfferWithAvailability {
    backendData = Frozen.map(backendData);
    availabilityZones = Frozen.listOrNull(availabilityZones);
  }
}
