package dev.dstack.model.wire.run;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record GetRunPlanRequest(
    RunSpec runSpec,
    @Nullable Integer maxOffers,
    @Default("false") boolean reverseOffers,
    @Default("false") boolean fullOffers,
    @Default("false") boolean unallocatedResources,
    @Default("false") boolean forOffersOnly) {
  public GetRunPlanRequest {
    Checks.within("max_offers", maxOffers, 1, 10_000);
  }
}
