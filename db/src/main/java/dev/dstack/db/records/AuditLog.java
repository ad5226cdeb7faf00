package dev.dstack.db.records;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.List;
import org.jooq.DSLContext;
import org.jspecify.annotations.Nullable;

/** What people did, for the timeline, in the transaction that does it. */
final class AuditLog {
  private AuditLog() {}

  static NewEvent.Target user(UserId id, String username) {
    return new NewEvent.Target("user", id.value(), username, null);
  }

  static NewEvent.Target project(ProjectId id, String name) {
    return new NewEvent.Target("project", id.value(), name, id);
  }

  /**
   * @param actor absent: the server itself
   */
  static void record(
      DSLContext dsl,
      Instant at,
      String message,
      @Nullable UserId actor,
      NewEvent.Target... targets) {
    Events.write(dsl, List.of(NewEvent.of(at, message, actor, targets)));
  }
}
