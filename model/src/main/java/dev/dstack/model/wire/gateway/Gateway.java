package dev.dstack.model.wire.gateway;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.configuration.GatewayConfiguration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Gateway(
    UUID id,
    String name,
    String projectName,
    GatewayConfiguration configuration,
    Instant createdAt,
    GatewayStatus status,
    @Nullable String statusMessage,
    @Nullable String hostname,
    @Nullable String wildcardDomain,
    @JsonProperty("default") boolean isDefault,
    @Default("[]") List<GatewayReplica> replicas,
    @Nullable BackendName backend,
    @Nullable String region,
    @Nullable String ipAddress,
    @Nullable String instanceId) {
  public Gateway {
    replicas = Frozen.list(replicas);
  }
}
