package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A recorded event. */
public record EventRow(
    UUID id, Instant recordedAt, String message, @Nullable Actor actor, List<Target> targets) {
  public EventRow {
    targets = List.copyOf(targets);
  }

  public record Actor(UserId id, String username, boolean deleted) {}

  public record Target(String type, UUID id, String name, @Nullable Project project) {}

  public record Project(ProjectId id, String name, boolean deleted) {}
}
