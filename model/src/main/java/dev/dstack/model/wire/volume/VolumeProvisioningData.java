package dev.dstack.model.wire.volume;

import dev.dstack.model.json.Default;
import dev.dstack.model.wire.common.BackendName;
import org.jspecify.annotations.Nullable;

public record VolumeProvisioningData(
    @Nullable BackendName backend,
    String volumeId,
    @Nullable Integer sizeGb,
    @Nullable String availabilityZone,
    @Nullable Double price,
    @Default("true") boolean attachable,
    @Default("true") boolean detachable,
    @Nullable String backendData) {}
