package dev.dstack.db.log;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.impl.DSL;

/**
 * Which logs go: those of deleted runs, and of jobs that ended long ago. A log whose job nobody
 * knows stays: perhaps the database is the wrong one.
 */
public final class LogRetention {
  private final Database database;
  private final LogStore store;
  private final Duration kept;

  /**
   * @param kept after the end of the job; zero: for ever
   */
  public LogRetention(Database database, LogStore store, Duration kept) {
    this.database = database;
    this.store = store;
    this.kept = kept;
  }

  /** Deletes what is due and says how many jobs' logs that were. */
  public int run(Instant now) {
    int[] deleted = {0};
    store.stored(
        batch -> {
          Set<UUID> due = due(batch, now);
          for (LogStore.Stored stored : batch) {
            if (due.contains(stored.key().job().value())) {
              store.delete(stored.key());
              deleted[0]++;
            }
          }
        });
    return deleted[0];
  }

  private Set<UUID> due(List<LogStore.Stored> batch, Instant now) {
    UUID[] ids = batch.stream().map(stored -> stored.key().job().value()).toArray(UUID[]::new);
    Condition over = RUN_SUBMISSION.DELETED_AT.isNotNull();
    if (!kept.isZero()) {
      over = over.or(JOB_VIEW.FINISHED_AT.lt(now.minus(kept)));
    }
    Condition due = over.and(JOB_VIEW.FINISHED_AT.isNotNull());
    return new HashSet<>(
        database.read(
            dsl ->
                dsl.select(JOB_VIEW.ID)
                    .from(JOB_VIEW)
                    .join(RUN_SUBMISSION)
                    .on(RUN_SUBMISSION.ID.eq(JOB_VIEW.RUN_ID))
                    .where(JOB_VIEW.ID.eq(DSL.any(DSL.val(ids))), due)
                    .fetch(JOB_VIEW.ID)));
  }
}
