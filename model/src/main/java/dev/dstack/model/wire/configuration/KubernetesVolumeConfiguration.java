package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.resources.Memory;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "volume")
@Literal(property = "backend", value = "kubernetes")
public record KubernetesVolumeConfiguration(
    @Nullable String name,
    @Nullable IdleDuration autoCleanupDuration,
    @Nullable Map<String, String> tags,
    @Nullable Memory size,
    @Default("''") String region,
    @Nullable String claimName,
    @Nullable String storageClassName,
    @Default("['ReadWriteOnce']") List<String> accessModes,
    @Default("false") boolean readOnly)
    implements VolumeConfiguration {
  public KubernetesVolumeConfiguration {
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
    accessModes = Frozen.list(accessModes);
  }

  @Override
  public String type() {
    return "volume";
  }

  @Override
  public KubernetesVolumeConfiguration withName(@Nullable String newName) {
    return new KubernetesVolumeConfiguration(
        newName,
        autoCleanupDuration,
        tags,
        size,
        region,
        claimName,
        storageClassName,
        accessModes,
        readOnly);
  }
}
