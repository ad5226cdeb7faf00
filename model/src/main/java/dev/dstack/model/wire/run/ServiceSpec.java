package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

public record ServiceSpec(
    String url, @Nullable ServiceModelSpec model, @Default("{}") Map<String, JsonNode> options) {
  public ServiceSpec {
    options = Frozen.map(options);
  }
}
