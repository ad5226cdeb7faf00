package dev.dstack.backends;

import org.jspecify.annotations.Nullable;

/**
 * A volume as its provider knows it.
 *
 * @param volumeId the provider's own id
 * @param price dollars a month
 * @param shared may be attached to several machines at once
 */
public record VolumeInfo(
    String volumeId,
    @Nullable Integer sizeGb,
    @Nullable String availabilityZone,
    double price,
    boolean shared) {}
