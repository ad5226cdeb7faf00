package dev.dstack.backends;

import org.jspecify.annotations.Nullable;

/**
 * A volume that exists at the provider.
 *
 * @param name as the project calls it
 * @param volumeId the provider's own id
 */
public record VolumeRef(
    String name, String volumeId, String region, @Nullable String availabilityZone) {}
