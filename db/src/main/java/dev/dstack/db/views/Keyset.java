package dev.dstack.db.views;

import dev.dstack.db.Clean;
import dev.dstack.db.records.Page;
import java.time.Instant;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Pages by the last row seen, so that a page costs the same however far down it is. */
final class Keyset {
  private Keyset() {}

  static Condition after(
      Field<Instant> time, Field<UUID> id, Instant prev, @Nullable UUID prevId, boolean ascending) {
    Instant at = Clean.instant(Page.clamp(prev));
    if (prevId == null) {
      return ascending ? time.gt(at) : time.lt(at);
    }
    return ascending
        ? DSL.row(time, id).gt(DSL.row(at, prevId))
        : DSL.row(time, id).lt(DSL.row(at, prevId));
  }
}
