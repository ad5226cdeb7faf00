package dev.dstack.model.wire.instance;

import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.json.Default;
import dev.dstack.model.wire.common.BackendName;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Instance(
    UUID id,
    String projectName,
    @Nullable BackendName backend,
    @Nullable InstanceType instanceType,
    String name,
    @Nullable UUID fleetId,
    @Nullable String fleetName,
    int instanceNum,
    @Nullable String jobName,
    @Nullable String hostname,
    InstanceStatus status,
    @Default("false") boolean unreachable,
    @Default("'healthy'") HealthStatus healthStatus,
    @Nullable String terminationReason,
    @Nullable String terminationReasonMessage,
    Instant created,
    @Nullable Instant finishedAt,
    @Nullable String region,
    @Nullable String availabilityZone,
    @Nullable Double price,
    @Nullable Integer totalBlocks,
    @Default("0") int busyBlocks,
    @Nullable GpuDriverInfo gpuDriver) {}
