package dev.dstack.api.cost;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Now;
import dev.dstack.db.catalog.CatalogStore;
import dev.dstack.db.records.Page;
import dev.dstack.db.views.Charge;
import dev.dstack.db.views.Charges;
import dev.dstack.db.views.CostReader;
import dev.dstack.db.views.CostReader.Period;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.wire.cost.Catalog;
import dev.dstack.model.wire.cost.CostGroup;
import dev.dstack.model.wire.cost.CostItem;
import dev.dstack.model.wire.cost.GetCostsRequest;
import dev.dstack.model.wire.cost.ProjectCosts;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class CostController {
  private static final Duration USUAL_PERIOD = Duration.ofDays(30);

  /** More are in the sums, but not listed. */
  private static final int LISTED = 500;

  private final CostReader costs;
  private final CatalogStore catalogs;
  private final Now now;

  public CostController(CostReader costs, CatalogStore catalogs, Now now) {
    this.costs = costs;
    this.catalogs = catalogs;
    this.now = now;
  }

  @PostMapping("/api/project/{project_name}/costs/get")
  public ProjectCosts get(@Body GetCostsRequest body, ProjectAccess access) {
    Period period = period(body);
    CostGroup instances = group(costs.instances(access.id(), period, LISTED));
    CostGroup volumes = group(costs.volumes(access.id(), period, LISTED));
    return new ProjectCosts(
        access.name(),
        period.since(),
        period.until(),
        Dollars.shown(instances.cost() + volumes.cost()),
        instances,
        volumes,
        group(costs.runs(access.id(), period, LISTED)));
  }

  private Period period(GetCostsRequest body) {
    Instant at = now.instant();
    Instant until = body.until() == null ? at : Page.clamp(body.until());
    until = until.isAfter(at) ? at : until;
    Instant since = body.since() == null ? until.minus(USUAL_PERIOD) : Page.clamp(body.since());
    if (since.isAfter(until)) {
      throw ApiException.badRequest("`since` is after the end of the period, " + until);
    }
    return new Period(since, until);
  }

  private static CostGroup group(Charges charges) {
    return new CostGroup(
        Dollars.shown(charges.dollars()),
        charges.all(),
        charges.largest().stream().map(CostController::item).toList());
  }

  private static CostItem item(Charge charge) {
    String backend = charge.backend();
    return new CostItem(
        charge.id(),
        charge.name(),
        backend == null ? null : new BackendType(backend).wire(),
        Math.round(charge.hours() * 10_000) / 10_000.0,
        Dollars.shown(charge.dollars()),
        charge.since(),
        charge.until());
  }

  /** The price lists that are in use. */
  @PostMapping("/api/project/{project_name}/catalogs/list")
  public List<Catalog> catalogs(ProjectAccess access) {
    return catalogs.snapshots().stream()
        .map(
            stored ->
                new Catalog(
                    stored.snapshot().provider(),
                    stored.snapshot().version(),
                    stored.snapshot().source(),
                    stored.snapshot().asOf(),
                    stored.rows()))
        .toList();
  }
}
