package dev.dstack.workflows.run;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * @param carried the state of the run before this one, when the workflow continues as new
 */
public record RunInput(
    RunId id,
    ProjectId projectId,
    String project,
    String runName,
    UserId userId,
    String user,
    Instant submittedAt,
    RunPlan plan,
    @Nullable RunState carried) {
  public static RunInput first(
      RunId id,
      ProjectId projectId,
      String project,
      String runName,
      UserId userId,
      String user,
      Instant submittedAt,
      RunPlan plan) {
    return new RunInput(id, projectId, project, runName, userId, user, submittedAt, plan, null);
  }
}
