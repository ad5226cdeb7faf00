package dev.dstack.db.views;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which events to list, newest first unless ascending.
 *
 * @param visible absent: everything; otherwise only events with a target the reader may see
 * @param targets events about one of these
 * @param within events about these or about what belongs to them
 * @param targetTypes run, job, …; absent: any
 * @param actors absent: anybody; an absent element: the system
 */
public record EventQuery(
    @Nullable Visible visible,
    @Nullable Targets targets,
    @Nullable Within within,
    @Nullable Collection<String> targetTypes,
    @Nullable List<@Nullable UserId> actors,
    @Nullable Instant prevRecordedAt,
    @Nullable UUID prevId,
    int limit,
    boolean ascending) {
  /** What a reader may see: things of these projects, and these users. */
  public record Visible(Collection<ProjectId> projects, Collection<UserId> users) {}

  /**
   * @param type project, user, fleet, instance, run, job, volume, gateway, secret, …
   */
  public record Targets(String type, Collection<UUID> ids) {}

  /** Exactly one of these. */
  public sealed interface Within {
    record Projects(Collection<ProjectId> projects) implements Within {}

    record Fleets(Collection<FleetId> fleets) implements Within {}

    record Runs(Collection<RunId> runs) implements Within {}
  }
}
