package dev.dstack.model.wire.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.instance.Instance;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Fleet(
    UUID id,
    String name,
    String projectName,
    FleetSpec spec,
    Instant createdAt,
    FleetStatus status,
    @Nullable String statusMessage,
    List<Instance> instances) {
  public Fleet {
    instances = Frozen.list(instances);
  }
}
