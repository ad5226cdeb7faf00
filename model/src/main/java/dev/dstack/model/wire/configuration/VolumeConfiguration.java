package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A volume of a file; what it needs depends on the backend. */
@Discriminator("backend")
public sealed interface VolumeConfiguration extends ApplyConfiguration
    permits AwsVolumeConfiguration,
        GcpVolumeConfiguration,
        RunpodVolumeConfiguration,
        KubernetesVolumeConfiguration,
        DaytonaVolumeConfiguration,
        LiumVolumeConfiguration {
  @Nullable IdleDuration autoCleanupDuration();

  @Nullable Map<String, String> tags();
}
