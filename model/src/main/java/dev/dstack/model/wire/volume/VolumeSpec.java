package dev.dstack.model.wire.volume;

import dev.dstack.model.wire.configuration.VolumeConfiguration;
import org.jspecify.annotations.Nullable;

public record VolumeSpec(VolumeConfiguration configuration, @Nullable String configurationPath) {}
