package dev.dstack.backends;

import dev.dstack.model.ids.VolumeId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A volume that carries an installation's tag, as the provider lists it.
 *
 * @param createdAt absent where the provider does not tell
 */
public record FoundVolume(
    VolumeId volume, String region, String providerId, String name, @Nullable Instant createdAt) {}
