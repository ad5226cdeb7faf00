package dev.dstack.backends;

import dev.dstack.model.offer.Offer;
import org.jspecify.annotations.Nullable;

/**
 * A machine that exists.
 *
 * @param providerId the provider's own id
 * @param offer what it really is
 * @param agent absent while the host agent can't be reached yet
 */
public record Machine(
    InstanceTag tag,
    String providerId,
    Offer offer,
    @Nullable String hostname,
    @Nullable AgentAddress agent) {}
