package dev.dstack.model.wire.volume;

import dev.dstack.model.wire.configuration.VolumeConfiguration;

public record CreateVolumeRequest(VolumeConfiguration configuration) {}
