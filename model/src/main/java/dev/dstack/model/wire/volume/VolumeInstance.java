package dev.dstack.model.wire.volume;

import org.jspecify.annotations.Nullable;

public record VolumeInstance(
    String name, @Nullable String fleetName, int instanceNum, @Nullable String instanceId) {}
