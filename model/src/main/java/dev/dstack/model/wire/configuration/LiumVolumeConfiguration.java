package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import java.util.Map;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "volume")
@Literal(property = "backend", value = "lium")
public record LiumVolumeConfiguration(
    @Nullable String name,
    @Nullable IdleDuration autoCleanupDuration,
    @Nullable Map<String, String> tags,
    @Nullable String volumeId)
    implements VolumeConfiguration {
  public LiumVolumeConfiguration {
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
  }

  @Override
  public String type() {
    return "volume";
  }

  @Override
  public LiumVolumeConfiguration withName(@Nullable String newName) {
    return new LiumVolumeConfiguration(newName, autoCleanupDuration, tags, volumeId);
  }
}
