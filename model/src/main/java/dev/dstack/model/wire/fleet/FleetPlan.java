package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.ApplyAction;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record FleetPlan(
    String projectName,
    String user,
    FleetSpec spec,
    @Nullable FleetSpec effectiveSpec,
    @Nullable Fleet currentResource,
    List<InstanceOfferWithAvailability> offers,
    int totalOffers,
    @Nullable Double maxOfferPrice,
    @Nullable ApplyAction action) {
  public FleetPlan {
    offers = Frozen.list(offers);
  }
}
