package dev.dstack.db.views;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * Which fleets to list, newest first unless ascending.
 *
 * @param projects absent: all
 * @param onlyActive without deleted ones
 */
public record FleetQuery(
    @Nullable Collection<ProjectId> projects,
    boolean onlyActive,
    @Nullable Instant prevCreatedAt,
    @Nullable FleetId prevId,
    int limit,
    boolean ascending) {}
