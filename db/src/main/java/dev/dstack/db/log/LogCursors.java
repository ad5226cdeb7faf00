package dev.dstack.db.log;

import static dev.dstack.db.jooq.generated.views.Tables.LOG_CURSOR;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.model.ids.JobId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jooq.impl.DSL;

/** How far logs are stored, for stores that can't be asked themselves. */
public final class LogCursors {
  private static final int BATCH = 1_000;

  private final Database database;

  /**
   * @param database a pool of role WORKER
   */
  public LogCursors(Database database) {
    this.database = database;
  }

  /**
   * @param storedTo the offset behind the last frame that is confirmed
   * @param lastMillis the time it was stored under
   */
  public record Cursor(long storedTo, long lastMillis) {
    public static final Cursor START = new Cursor(0, 0);
  }

  public Cursor get(LogKey key) {
    return database.read(
        dsl ->
            dsl.selectFrom(LOG_CURSOR)
                .where(
                    LOG_CURSOR.JOB_ID.eq(key.job().value()), LOG_CURSOR.KIND.eq(key.kind().name()))
                .fetchOptional(row -> new Cursor(row.getStoredTo(), row.getLastMillis()))
                .orElse(Cursor.START));
  }

  /** Never goes back: a writer that was thought dead may still be there. */
  public void advance(LogKey key, Cursor cursor, Instant now) {
    database.read(
        dsl ->
            dsl.insertInto(LOG_CURSOR)
                .set(LOG_CURSOR.JOB_ID, key.job().value())
                .set(LOG_CURSOR.KIND, key.kind().name())
                .set(LOG_CURSOR.PROJECT, key.project())
                .set(LOG_CURSOR.RUN_NAME, key.runName())
                .set(LOG_CURSOR.STORED_TO, cursor.storedTo())
                .set(LOG_CURSOR.LAST_MILLIS, cursor.lastMillis())
                .set(LOG_CURSOR.WRITTEN_AT, Clean.instant(now))
                .onConflict(LOG_CURSOR.JOB_ID, LOG_CURSOR.KIND)
                .doUpdate()
                .set(
                    LOG_CURSOR.STORED_TO,
                    DSL.greatest(LOG_CURSOR.STORED_TO, DSL.excluded(LOG_CURSOR.STORED_TO)))
                .set(
                    LOG_CURSOR.LAST_MILLIS,
                    DSL.greatest(LOG_CURSOR.LAST_MILLIS, DSL.excluded(LOG_CURSOR.LAST_MILLIS)))
                .set(LOG_CURSOR.WRITTEN_AT, DSL.excluded(LOG_CURSOR.WRITTEN_AT))
                .execute());
  }

  /** All jobs with a log, by job. */
  public void all(Consumer<List<LogStore.Stored>> batches) {
    Optional<UUID> after = Optional.empty();
    while (true) {
      Optional<UUID> from = after;
      List<LogStore.Stored> batch = new ArrayList<>();
      database
          .read(
              dsl ->
                  dsl.select(
                          LOG_CURSOR.JOB_ID,
                          DSL.max(LOG_CURSOR.PROJECT),
                          DSL.max(LOG_CURSOR.RUN_NAME),
                          DSL.max(LOG_CURSOR.WRITTEN_AT))
                      .from(LOG_CURSOR)
                      .where(from.map(LOG_CURSOR.JOB_ID::gt).orElse(DSL.noCondition()))
                      .groupBy(LOG_CURSOR.JOB_ID)
                      .orderBy(LOG_CURSOR.JOB_ID)
                      .limit(BATCH)
                      .fetch())
          .forEach(
              row ->
                  batch.add(
                      new LogStore.Stored(
                          new LogKey(row.value2(), row.value3(), new JobId(row.value1())),
                          row.value4())));
      if (!batch.isEmpty()) {
        batches.accept(batch);
      }
      if (batch.size() < BATCH) {
        return;
      }
      after = Optional.of(batch.getLast().key().job().value());
    }
  }

  public void remove(JobId job) {
    database.read(
        dsl -> dsl.deleteFrom(LOG_CURSOR).where(LOG_CURSOR.JOB_ID.eq(job.value())).execute());
  }
}
