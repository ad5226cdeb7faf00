package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_STOP;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_UPDATE;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.model.ids.RunId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Consumer;
import org.jooq.Select;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * What Temporal has not heard of yet: accepted runs, stops and changes. Any number of replicas and
 * threads may call at once.
 */
public final class RunOutbox {
  private static final Duration DISPATCH_RETRY = Duration.ofSeconds(5);

  private final Database database;
  private final InstantSource clock;

  public RunOutbox(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /** A wish that a run end. */
  public record Stop(RunId run, String project, String runName, boolean abort, String user) {}

  /** A change that a run's workflow has to hear of. */
  public record Update(
      RunId run, String project, String runName, int priority, int deploymentNum) {}

  /**
   * Takes the next accepted run that has no workflow, by priority and then age, gives it to {@code
   * start}, and marks it dispatched. The row is locked meanwhile, so each run is in one hand at a
   * time; {@code start} has to be idempotent all the same, because its effect may survive a crash
   * that the mark does not.
   *
   * <p>When {@code start} fails the run is put back for some seconds and the failure comes through.
   *
   * @return whether there was one
   */
  public boolean dispatchNext(Consumer<RunRecord> start) {
    RunId[] taken = new RunId[1];
    try {
      return database.inTransaction(
          dsl -> {
            Instant now = Clean.instant(clock.instant());
            Optional<RunRecord> next =
                dsl.select(RunSubmissions.RUN_FIELDS)
                    .from(RUN_SUBMISSION)
                    .join(PROJECT)
                    .on(PROJECT.ID.eq(RUN_SUBMISSION.PROJECT_ID))
                    .join(USER_ACCOUNT)
                    .on(USER_ACCOUNT.ID.eq(RUN_SUBMISSION.USER_ID))
                    .where(
                        RUN_SUBMISSION.DISPATCHED_AT.isNull(),
                        RUN_SUBMISSION.FINISHED_AT.isNull(),
                        RUN_SUBMISSION.DELETED_AT.isNull(),
                        RUN_SUBMISSION
                            .DISPATCH_AFTER
                            .isNull()
                            .or(RUN_SUBMISSION.DISPATCH_AFTER.le(now)),
                        DSL.notExists(fleetOnItsWay()))
                    .orderBy(
                        RUN_SUBMISSION.PRIORITY.desc(),
                        RUN_SUBMISSION.SUBMITTED_AT,
                        RUN_SUBMISSION.ID)
                    .limit(1)
                    .forUpdate()
                    .of(RUN_SUBMISSION)
                    .skipLocked()
                    .fetchOptional(RunSubmissions::record);
            if (next.isEmpty()) {
              return false;
            }
            RunRecord run = next.get();
            taken[0] = run.id();
            start.accept(run);
            dsl.update(RUN_SUBMISSION)
                .set(RUN_SUBMISSION.DISPATCHED_AT, now)
                .where(RUN_SUBMISSION.ID.eq(run.id().value()))
                .execute();
            return true;
          });
    } catch (RuntimeException e) {
      if (taken[0] != null) {
        putBack(taken[0], e);
      }
      throw e;
    }
  }

  /** A run that came before its fleet would be told that there is no such fleet, and fail. */
  private static Select<?> fleetOnItsWay() {
    return DSL.selectOne()
        .from(FLEET)
        .where(
            FLEET.PROJECT_ID.eq(RUN_SUBMISSION.PROJECT_ID),
            FLEET.DISPATCHED_REVISION.eq(0),
            FLEET.DELETED_AT.isNull(),
            FLEET.CREATED_AT.le(RUN_SUBMISSION.SUBMITTED_AT));
  }

  private void putBack(RunId run, RuntimeException failure) {
    try {
      database.read(
          dsl ->
              dsl.update(RUN_SUBMISSION)
                  .set(
                      RUN_SUBMISSION.DISPATCH_AFTER,
                      Clean.instant(clock.instant().plus(DISPATCH_RETRY)))
                  .where(RUN_SUBMISSION.ID.eq(run.value()), RUN_SUBMISSION.DISPATCHED_AT.isNull())
                  .execute());
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** How many accepted runs have no workflow yet. */
  public int waitingForDispatch() {
    return database.read(
        dsl ->
            dsl.fetchCount(
                RUN_SUBMISSION,
                DSL.and(
                    RUN_SUBMISSION.DISPATCHED_AT.isNull(),
                    RUN_SUBMISSION.FINISHED_AT.isNull(),
                    RUN_SUBMISSION.DELETED_AT.isNull())));
  }

  /**
   * Gives the next stop of a dispatched run to {@code deliver} and marks it delivered; a failure
   * leaves it where it was. A stop of a finished run needs nobody.
   */
  public boolean deliverNextStop(Consumer<Stop> deliver) {
    return database.inTransaction(
        dsl -> {
          Instant now = Clean.instant(clock.instant());
          dsl.update(RUN_STOP)
              .set(RUN_STOP.DELIVERED_AT, now)
              .from(RUN_SUBMISSION)
              .where(
                  RUN_SUBMISSION.ID.eq(RUN_STOP.RUN_ID),
                  RUN_STOP.DELIVERED_AT.isNull(),
                  RUN_SUBMISSION.FINISHED_AT.isNotNull())
              .execute();
          Optional<Stop> next =
              dsl.select(
                      RUN_STOP.RUN_ID,
                      PROJECT.NAME,
                      RUN_SUBMISSION.RUN_NAME,
                      RUN_STOP.ABORT,
                      USER_ACCOUNT.USERNAME)
                  .from(RUN_STOP)
                  .join(RUN_SUBMISSION)
                  .on(RUN_SUBMISSION.ID.eq(RUN_STOP.RUN_ID))
                  .join(PROJECT)
                  .on(PROJECT.ID.eq(RUN_SUBMISSION.PROJECT_ID))
                  .leftJoin(USER_ACCOUNT)
                  .on(USER_ACCOUNT.ID.eq(RUN_STOP.USER_ID))
                  .where(RUN_STOP.DELIVERED_AT.isNull(), RUN_SUBMISSION.DISPATCHED_AT.isNotNull())
                  .orderBy(RUN_STOP.REQUESTED_AT)
                  .limit(1)
                  .forUpdate()
                  .of(RUN_STOP)
                  .skipLocked()
                  .fetchOptional(
                      row ->
                          new Stop(
                              new RunId(row.value1()),
                              row.value2(),
                              row.value3(),
                              row.value4(),
                              orEmpty(row.value5())));
          if (next.isEmpty()) {
            return false;
          }
          deliver.accept(next.get());
          dsl.update(RUN_STOP)
              .set(RUN_STOP.DELIVERED_AT, now)
              .where(RUN_STOP.RUN_ID.eq(next.get().run().value()))
              .execute();
          return true;
        });
  }

  /** As {@link #deliverNextStop}, for changes. */
  public boolean deliverNextUpdate(Consumer<Update> deliver) {
    return database.inTransaction(
        dsl -> {
          Optional<Update> next =
              dsl.select(
                      RUN_UPDATE.RUN_ID,
                      PROJECT.NAME,
                      RUN_SUBMISSION.RUN_NAME,
                      RUN_SUBMISSION.PRIORITY,
                      RUN_SUBMISSION.DEPLOYMENT_NUM)
                  .from(RUN_UPDATE)
                  .join(RUN_SUBMISSION)
                  .on(RUN_SUBMISSION.ID.eq(RUN_UPDATE.RUN_ID))
                  .join(PROJECT)
                  .on(PROJECT.ID.eq(RUN_SUBMISSION.PROJECT_ID))
                  .where(RUN_UPDATE.DELIVERED_AT.isNull(), RUN_SUBMISSION.DISPATCHED_AT.isNotNull())
                  .orderBy(RUN_UPDATE.REQUESTED_AT)
                  .limit(1)
                  .forUpdate()
                  .of(RUN_UPDATE)
                  .skipLocked()
                  .fetchOptional(
                      row ->
                          new Update(
                              new RunId(row.value1()),
                              row.value2(),
                              row.value3(),
                              row.value4(),
                              row.value5()));
          if (next.isEmpty()) {
            return false;
          }
          deliver.accept(next.get());
          dsl.update(RUN_UPDATE)
              .set(RUN_UPDATE.DELIVERED_AT, Clean.instant(clock.instant()))
              .where(RUN_UPDATE.RUN_ID.eq(next.get().run().value()))
              .execute();
          return true;
        });
  }

  private static String orEmpty(@Nullable String text) {
    return text == null ? "" : text;
  }
}
