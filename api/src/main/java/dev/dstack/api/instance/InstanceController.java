package dev.dstack.api.instance;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.fleet.FleetMapper;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Visible;
import dev.dstack.db.metrics.HostCheck;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.db.records.Page;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceQuery;
import dev.dstack.db.views.InstanceReader;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.wire.instance.GetInstanceHealthChecksRequest;
import dev.dstack.model.wire.instance.GetInstanceHealthChecksResponse;
import dev.dstack.model.wire.instance.GetInstanceRequest;
import dev.dstack.model.wire.instance.HealthCheck;
import dev.dstack.model.wire.instance.HealthEvent;
import dev.dstack.model.wire.instance.HealthStatus;
import dev.dstack.model.wire.instance.Instance;
import dev.dstack.model.wire.instance.ListInstancesRequest;
import java.util.List;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class InstanceController {
  private static final int LIMIT_MAX = 1_000;
  private static final int FILTER_MAX = 1_000;
  private static final int CHECKS = 100;

  private final InstanceReader instances;
  private final FleetReader fleets;
  private final HostChecks checks;
  private final Visible visible;

  public InstanceController(
      InstanceReader instances, FleetReader fleets, HostChecks checks, Visible visible) {
    this.instances = instances;
    this.fleets = fleets;
    this.checks = checks;
    this.visible = visible;
  }

  @PostMapping("/api/instances/list")
  public List<Instance> list(@Body ListInstancesRequest body, Caller caller) {
    int limit = Check.within("limit", body.limit(), 0, LIMIT_MAX);
    if (body.projectNames() != null) {
      Check.atMost("project_names", body.projectNames(), FILTER_MAX);
    }
    if (body.fleetIds() != null) {
      Check.atMost("fleet_ids", body.fleetIds(), FILTER_MAX);
    }
    Visible.Projects projects =
        body.projectNames() == null
            ? visible.projects(caller, (String) null)
            : visible.projects(caller, body.projectNames());
    if (projects.none() || limit == 0) {
      return List.of();
    }
    InstanceQuery query =
        new InstanceQuery(
            projects.ids(),
            body.fleetIds() == null ? null : body.fleetIds().stream().map(FleetId::new).toList(),
            body.onlyActive(),
            body.prevCreatedAt() == null ? null : Page.clamp(body.prevCreatedAt()),
            body.prevId() == null ? null : new InstanceId(body.prevId()),
            limit,
            body.ascending());
    return instances.list(query).stream().map(InstanceController::wire).toList();
  }

  @PostMapping("/api/project/{project_name}/instances/get")
  public Instance get(@Body GetInstanceRequest body, ProjectAccess access) {
    return instances
        .get(new InstanceId(body.id()))
        .filter(row -> row.view().project().equals(access.id()))
        .map(InstanceController::wire)
        .orElseThrow(() -> ApiException.missing("Instance not found"));
  }

  @PostMapping("/api/project/{project_name}/instances/get_instance_health_checks")
  public GetInstanceHealthChecksResponse healthChecks(
      @Body GetInstanceHealthChecksRequest body, ProjectAccess access) {
    FleetRow fleet =
        fleets
            .get(access.id(), body.fleetName())
            .orElseThrow(() -> ApiException.missing("Fleet not found"));
    int limit = body.limit() == null ? CHECKS : Check.within("limit", body.limit(), 0, LIMIT_MAX);
    InstanceId instance =
        fleet.instances().stream()
            .map(row -> row.view())
            .filter(view -> view.number() == body.instanceNum() && view.finishedAt() == null)
            .map(view -> view.id())
            .findFirst()
            .orElseThrow(() -> ApiException.missing("Instance not found"));
    return new GetInstanceHealthChecksResponse(
        checks.of(instance, body.after(), body.before(), limit).stream()
            .map(InstanceController::wire)
            .toList());
  }

  private static HealthCheck wire(HostCheck check) {
    HealthStatus status = FleetMapper.health(check.health().level());
    return new HealthCheck(
        check.at(),
        status,
        check.health().incidents().stream()
            .map(incident -> new HealthEvent(check.at(), status, incident))
            .toList());
  }

  private static Instance wire(InstanceRow row) {
    return FleetMapper.wire(row, row.project() == null ? "" : row.project());
  }
}
