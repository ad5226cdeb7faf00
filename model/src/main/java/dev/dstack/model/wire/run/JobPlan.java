package dev.dstack.model.wire.run;

import dev.dstack.model.json.Beyond;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * @param refusals absent where there are offers; otherwise why not: each fleet, instance and offer
 *     with what it lacks
 */
public record JobPlan(
    JobSpec jobSpec,
    List<InstanceOfferWithAvailability> offers,
    int totalOffers,
    @Nullable Double maxPrice,
    @Beyond @Nullable List<String> refusals) {
  public JobPlan {
    offers = Frozen.list(offers);
    refusals = Frozen.listOrNull(refusals);
  }
}
