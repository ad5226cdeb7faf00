package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.resources.Memory;
import java.util.Map;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "volume")
@Literal(property = "backend", value = "gcp")
public record GcpVolumeConfiguration(
    @Nullable String name,
    @Nullable IdleDuration autoCleanupDuration,
    @Nullable Map<String, String> tags,
    @Nullable Memory size,
    @Nullable String volumeId,
    String region,
    @Nullable String availabilityZone)
    implements VolumeConfiguration {
  public GcpVolumeConfiguration {
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
  }

  @Override
  public String type() {
    return "volume";
  }

  @Override
  public GcpVolumeConfiguration withName(@Nullable String newName) {
    return new GcpVolumeConfiguration(
        newName, autoCleanupDuration, tags, size, volumeId, region, availabilityZone);
  }
}
