package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which volumes, and from where on.
 *
 * @param projects absent: of all projects
 * @param onlyActive without deleted ones
 * @param prevCreatedAt the last one of the page before
 */
public record VolumeQuery(
    @Nullable List<ProjectId> projects,
    boolean onlyActive,
    @Nullable Instant prevCreatedAt,
    @Nullable VolumeId prevId,
    int limit,
    boolean ascending) {
  public VolumeQuery {
    projects = projects == null ? null : List.copyOf(projects);
  }
}
