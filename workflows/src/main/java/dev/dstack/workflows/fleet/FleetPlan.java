package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a fleet's configuration means to its workflow.
 *
 * @param nodesMax absent: no limit but the one asserted in code
 * @param requirements what its own machines must satisfy
 * @param idleDuration absent: idle machines above {@code nodesMin} are kept
 */
public record FleetPlan(
    BackendType backend,
    int nodesMin,
    int nodesTarget,
    @Nullable Integer nodesMax,
    Requirements requirements,
    Sharing sharing,
    @Nullable Duration idleDuration) {}
