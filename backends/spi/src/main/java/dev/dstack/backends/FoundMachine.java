package dev.dstack.backends;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A machine that carries an installation's tag, as the provider lists it.
 *
 * @param createdAt absent where the provider does not tell
 */
public record FoundMachine(
    InstanceTag tag, String region, String providerId, String name, @Nullable Instant createdAt) {}
