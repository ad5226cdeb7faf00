package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record JobPlan(
    JobSpec jobSpec,
    List<InstanceOfferWithAvailability> offers,
    int totalOffers,
    @Nullable Double maxPrice) {
  public JobPlan {
    offers = Frozen.list(offers);
  }
}
