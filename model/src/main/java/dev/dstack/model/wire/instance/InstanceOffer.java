package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.BackendName;
import java.util.Map;
import tools.jackson.databind.JsonNode;

public record InstanceOffer(
    BackendName backend,
    InstanceType instance,
    String region,
    double price,
    @Default("{}") Map<String, JsonNode> backendData) {
  public InstanceOffer {
    backendData = Frozen.map(backendData);
  }
}
