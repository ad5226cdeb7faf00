package dev.dstack.model.wire.event;

import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Event(
    UUID id,
    String message,
    Instant recordedAt,
    @Nullable UUID actorUserId,
    @Nullable String actorUser,
    @Nullable Boolean isActorUserDeleted,
    List<EventTarget> targets) {
  public Event {
    targets = Frozen.list(targets);
  }
}
