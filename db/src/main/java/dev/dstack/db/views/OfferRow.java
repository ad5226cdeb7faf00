package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a backend could provide when it was last asked.
 *
 * @param offersJson a list of the model's Offer
 * @param error why it could not be asked; the offers are then those of the time before
 */
public record OfferRow(
    ProjectId project,
    BackendType backend,
    String offersJson,
    @Nullable String error,
    Instant at) {}
