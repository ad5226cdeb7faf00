package dev.dstack.db.records;

import java.time.Instant;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.impl.DSL;

/** When an upload was asked for last, by the database's clock and to the hour. */
final class Uses {
  private Uses() {}

  static Field<Instant> now() {
    return DSL.field("now()", Instant.class);
  }

  /** Only then it is worth to be written down again. */
  static Condition longAgo(Field<Instant> used) {
    return used.lt(DSL.field("now() - interval '1 hour'", Instant.class));
  }
}
