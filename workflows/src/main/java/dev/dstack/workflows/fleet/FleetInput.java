package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * @param carried the state of the run before this one, when the workflow continues as new
 */
public record FleetInput(
    FleetId id,
    ProjectId projectId,
    String project,
    String name,
    Instant createdAt,
    FleetPlan plan,
    @Nullable FleetState carried) {
  public static FleetInput first(
      FleetId id,
      ProjectId projectId,
      String project,
      String name,
      Instant createdAt,
      FleetPlan plan) {
    return new FleetInput(id, projectId, project, name, createdAt, plan, null);
  }
}
