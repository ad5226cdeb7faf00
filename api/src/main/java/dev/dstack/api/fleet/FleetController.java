package dev.dstack.api.fleet;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Visible;
import dev.dstack.db.records.Page;
import dev.dstack.db.views.FleetQuery;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.wire.fleet.ApplyFleetPlanRequest;
import dev.dstack.model.wire.fleet.DeleteFleetInstancesRequest;
import dev.dstack.model.wire.fleet.DeleteFleetsRequest;
import dev.dstack.model.wire.fleet.Fleet;
import dev.dstack.model.wire.fleet.FleetPlan;
import dev.dstack.model.wire.fleet.ForgetInstancesRequest;
import dev.dstack.model.wire.fleet.GetFleetPlanRequest;
import dev.dstack.model.wire.fleet.GetFleetRequest;
import dev.dstack.model.wire.fleet.ListFleetsRequest;
import dev.dstack.model.wire.fleet.ListProjectFleetsRequest;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class FleetController {
  private static final int LIMIT_MAX = 100;
  private static final int PROJECT_MAX = 1_000;
  private static final int NAMES_MAX = 100;

  private final FleetReader fleets;
  private final FleetService service;
  private final Visible visible;

  public FleetController(FleetReader fleets, FleetService service, Visible visible) {
    this.fleets = fleets;
    this.service = service;
    this.visible = visible;
  }

  @PostMapping("/api/fleets/list")
  public List<Fleet> list(@Body ListFleetsRequest body, Caller caller) {
    int limit = Check.within("limit", body.limit(), 0, LIMIT_MAX);
    Visible.Projects projects = visible.projects(caller, body.projectName());
    if (projects.none() || limit == 0) {
      return List.of();
    }
    return fleets
        .list(
            new FleetQuery(
                projects.ids(),
                body.onlyActive(),
                body.prevCreatedAt() == null ? null : Page.clamp(body.prevCreatedAt()),
                body.prevId() == null ? null : new FleetId(body.prevId()),
                limit,
                body.ascending()))
        .stream()
        .map(FleetMapper::wire)
        .toList();
  }

  @PostMapping("/api/project/{project_name}/fleets/list")
  public List<Fleet> listOfProject(
      @Body(optional = true) @Nullable ListProjectFleetsRequest body, ProjectAccess access) {
    return fleets
        .list(new FleetQuery(List.of(access.id()), true, null, null, PROJECT_MAX, false))
        .stream()
        .map(FleetMapper::wire)
        .toList();
  }

  @PostMapping("/api/project/{project_name}/fleets/get")
  public Fleet get(@Body GetFleetRequest body, ProjectAccess access) {
    Optional<FleetRow> found;
    if (body.id() != null) {
      found =
          fleets.get(new FleetId(body.id())).filter(fleet -> fleet.projectId().equals(access.id()));
    } else if (body.name() != null) {
      found = fleets.get(access.id(), body.name());
    } else {
      throw ApiException.badRequest("Give `name` or `id`");
    }
    return found.map(FleetMapper::wire).orElseThrow(() -> ApiException.missing("Fleet not found"));
  }

  @PostMapping("/api/project/{project_name}/fleets/get_plan")
  public FleetPlan plan(@Body GetFleetPlanRequest body, ProjectAccess access) {
    return service.plan(body.spec(), access);
  }

  @PostMapping("/api/project/{project_name}/fleets/apply")
  public Fleet apply(@Body ApplyFleetPlanRequest body, ProjectAccess access) {
    return service.apply(body.plan(), body.force(), access);
  }

  @PostMapping("/api/project/{project_name}/fleets/delete")
  public void delete(@Body DeleteFleetsRequest body, ProjectAccess access) {
    Check.atMost("names", body.names(), NAMES_MAX);
    service.delete(body.names(), access);
  }

  @PostMapping("/api/project/{project_name}/fleets/delete_instances")
  public void deleteInstances(@Body DeleteFleetInstancesRequest body, ProjectAccess access) {
    Check.atMost("instance_nums", body.instanceNums(), PROJECT_MAX);
    service.deleteInstances(body.name(), body.instanceNums(), access);
  }

  /** Not in dstack's API: its users edit the database when a machine can't be ended. */
  @PostMapping("/api/project/{project_name}/fleets/forget_instances")
  public void forgetInstances(@Body ForgetInstancesRequest body, ProjectAccess access) {
    Check.atMost("instance_nums", body.instanceNums(), PROJECT_MAX);
    service.forget(body.name(), body.instanceNums(), access);
  }
}
