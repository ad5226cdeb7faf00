package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
import org.jspecify.annotations.Nullable;

/**
 * Which offers are worth knowing. A cloud has thousands, of which a history may hold few.
 *
 * @param fleet what every machine of the fleet must satisfy
 * @param wanted absent: no job waits for it
 * @param backend the only one that will do
 * @param region the only one that will do, because the other machines of the cluster are there
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record OfferSearch(
    Requirements fleet,
    @Nullable Requirements wanted,
    @Nullable BackendType backend,
    @Nullable String region) {}
