package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.wire.resources.Memory;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@Literal(property = "type", value = "volume")
@Literal(property = "backend", value = "runpod")
public record RunpodVolumeConfiguration(
    @Nullable String name,
    @Nullable IdleDuration autoCleanupDuration,
    @Nullable Map<String, String> tags,
    @Nullable Memory size,
    @Nullable String volumeId,
    String region)
    implements VolumeConfiguration {
  public RunpodVolumeConfiguration {
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
  }

  @Override
  public String type() {
    return "volume";
  }

  @Override
  public RunpodVolumeConfiguration withName(@Nullable String newName) {
    return new RunpodVolumeConfiguration(
        newName, autoCleanupDuration, tags, size, volumeId, region);
  }

  /** Older clients send a zone, which this backend has not. */
  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.has("availability_zone")) {
      return node;
    }
    ObjectNode copy = Trees.copy(node);
    copy.remove("availability_zone");
    return copy;
  }
}
