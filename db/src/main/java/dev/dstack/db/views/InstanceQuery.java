package dev.dstack.db.views;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Which instances to list, newest first unless ascending; absent collections mean all. */
public record InstanceQuery(
    @Nullable Collection<ProjectId> projects,
    @Nullable Collection<FleetId> fleets,
    boolean onlyActive,
    @Nullable Instant prevCreatedAt,
    @Nullable InstanceId prevId,
    int limit,
    boolean ascending) {}
