package dev.dstack.model.wire.gateway;

import dev.dstack.model.wire.common.BackendName;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

public record GatewayReplica(
    @Nullable String hostname,
    int replicaNum,
    @Nullable BackendName backend,
    @Nullable String region,
    Instant createdAt,
    GatewayReplicaStatus status,
    @Nullable String statusMessage) {}
