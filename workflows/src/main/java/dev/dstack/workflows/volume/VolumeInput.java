package dev.dstack.workflows.volume;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * @param carried the state of the run before this one, when the workflow continues as new
 */
public record VolumeInput(
    VolumeId id,
    ProjectId projectId,
    String project,
    String name,
    Instant createdAt,
    VolumePlan plan,
    @Nullable VolumeState carried) {
  public static VolumeInput first(
      VolumeId id,
      ProjectId projectId,
      String project,
      String name,
      Instant createdAt,
      VolumePlan plan) {
    return new VolumeInput(id, projectId, project, name, createdAt, plan, null);
  }
}
