package dev.dstack.db.records;

import java.time.Instant;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.SortField;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * One page of a list in order of time: what follows the last row of the page before.
 *
 * @param prevAt absent: the first page
 * @param prevId absent: nothing of that very moment is repeated
 */
public record Page(@Nullable Instant prevAt, @Nullable UUID prevId, int limit, boolean ascending) {
  // PostgreSQL's calendar is smaller than Java's; what lies beyond has no rows either way.
  private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant LAST = Instant.parse("9999-12-31T00:00:00Z");

  public Page {
    prevAt = prevAt == null ? null : clamp(prevAt);
  }

  /** The same moment, or the nearest one that the database knows. */
  public static Instant clamp(Instant moment) {
    return moment.isBefore(FIRST) ? FIRST : moment.isAfter(LAST) ? LAST : moment;
  }

  Condition after(Field<Instant> at, Field<UUID> id) {
    Instant from = prevAt;
    UUID fromId = prevId;
    if (from == null) {
      return DSL.noCondition();
    }
    if (fromId == null) {
      return ascending ? at.gt(from) : at.lt(from);
    }
    return ascending ? DSL.row(at, id).gt(from, fromId) : DSL.row(at, id).lt(from, fromId);
  }

  SortField<?>[] order(Field<Instant> at, Field<UUID> id) {
    return ascending
        ? new SortField<?>[] {at.asc(), id.asc()}
        : new SortField<?>[] {at.desc(), id.desc()};
  }
}
