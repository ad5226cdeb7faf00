package dev.dstack.api.fleet;

import dev.dstack.api.auth.Remembered;
import dev.dstack.db.views.FleetQuery;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.OfferReader;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The fleets of a project that can take runs, with their capacity. */
public final class Fleetyard {
  private static final int FLEETS_MAX = 1_000;

  private final FleetReader fleets;
  private final SeenOffers offers;
  private final Remembered<ProjectId, List<Capacity>> remembered;

  /**
   * @param remembered for {@link #recent}; a second is enough
   */
  public Fleetyard(
      FleetReader fleets, OfferReader offers, Remembered<ProjectId, List<Capacity>> remembered) {
    this.fleets = fleets;
    this.offers = new SeenOffers(offers);
    this.remembered = remembered;
  }

  /** As of a moment ago; enough for the order in which fleets are asked. */
  public List<Capacity> recent(ProjectId project) {
    return remembered.get(project, () -> Optional.of(now(project))).orElseThrow();
  }

  /** By name. */
  public List<Capacity> now(ProjectId project) {
    Map<String, List<Offer>> byBackend = backendOffers(project);
    List<Capacity> found = new ArrayList<>();
    for (FleetRow fleet :
        fleets.list(new FleetQuery(List.of(project), true, null, null, FLEETS_MAX, true))) {
      FleetStatus status = fleet.status();
      if (status == FleetStatus.TERMINATING || status.isFinal()) {
        continue;
      }
      FleetPlan plan = Json.lenient().readValue(fleet.planJson(), FleetPlan.class);
      List<Offer> offers =
          new ArrayList<>(byBackend.getOrDefault(plan.backend().name(), List.of()));
      plan.otherBackends()
          .forEach(other -> offers.addAll(byBackend.getOrDefault(other.name(), List.of())));
      found.add(Capacity.of(fleet, plan, offers));
    }
    return found;
  }

  /** What each backend of the project could provide, by its type. */
  public Map<String, List<Offer>> backendOffers(ProjectId project) {
    return offers.of(project);
  }
}
