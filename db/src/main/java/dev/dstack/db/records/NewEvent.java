package dev.dstack.db.records;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An event to be recorded.
 *
 * @param actor absent: the system
 * @param source absent for what the API does; for a workflow, what makes writing it twice harmless
 */
public record NewEvent(
    Instant at,
    String message,
    @Nullable UserId actor,
    List<Target> targets,
    @Nullable Source source) {
  public NewEvent {
    targets = List.copyOf(targets);
  }

  public static NewEvent of(Instant at, String message, @Nullable UserId actor, Target... targets) {
    return new NewEvent(at, message, actor, List.of(targets), null);
  }

  /**
   * @param type project, user, fleet, instance, run, job, secret, … as dstack's API names them
   * @param project absent for users
   */
  public record Target(String type, UUID id, String name, @Nullable ProjectId project) {}

  /** The {@code ordinal}-th event of a revision of an entity. */
  public record Source(String entityType, UUID entityId, long revision, int ordinal) {}
}
