package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jooq.Record;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Wishes about fleets; a dispatcher carries them to the workflows as it does with runs. */
public final class Fleets {
  private final Database database;
  private final InstantSource clock;

  public Fleets(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * @param user absent: the server itself
   * @throws DstackException NAME_TAKEN when the project has a fleet of this name
   */
  public void create(
      FleetId id,
      ProjectId project,
      @Nullable UserId user,
      String name,
      String specJson,
      String planJson) {
    Instant now = Clean.instant(clock.instant());
    try {
      database.transaction(
          dsl -> {
            dsl.insertInto(FLEET)
                .set(FLEET.ID, id.value())
                .set(FLEET.PROJECT_ID, project.value())
                .set(FLEET.USER_ID, user == null ? null : user.value())
                .set(FLEET.NAME, name)
                .set(FLEET.SPEC, Clean.json(specJson))
                .set(FLEET.PLAN, Clean.json(planJson))
                .set(FLEET.CREATED_AT, now)
                .execute();
            Events.write(
                dsl,
                List.of(
                    NewEvent.of(
                        now,
                        "Fleet created. Status: SUBMITTED",
                        user,
                        new NewEvent.Target("fleet", id.value(), name, project))));
          });
    } catch (DataAccessException e) {
      if (Database.sqlState(e).equals("23505")) {
        throw new DstackException(
            ErrorKind.NAME_TAKEN, "Fleet " + name + " exists already in this project.");
      }
      throw e;
    }
  }

  /** Replaces what a fleet should be; its workflow will hear of it. */
  public void reconfigure(FleetId id, String specJson, String planJson) {
    int changed =
        database.read(
            dsl ->
                dsl.update(FLEET)
                    .set(FLEET.SPEC, Clean.json(specJson))
                    .set(FLEET.PLAN, Clean.json(planJson))
                    .set(FLEET.REVISION, FLEET.REVISION.plus(1))
                    .where(FLEET.ID.eq(id.value()), FLEET.DELETE_REQUESTED_AT.isNull())
                    .execute());
    if (changed == 0) {
      throw new DstackException(ErrorKind.NOT_FOUND, "The fleet is deleted or being deleted.");
    }
  }

  /** Unknown or deleted is success. */
  public void requestDelete(FleetId id, @Nullable UserId user) {
    Instant now = Clean.instant(clock.instant());
    database.transaction(
        dsl -> {
          Record row =
              dsl.update(FLEET)
                  .set(FLEET.DELETE_REQUESTED_AT, now)
                  .where(
                      FLEET.ID.eq(id.value()),
                      FLEET.DELETE_REQUESTED_AT.isNull(),
                      FLEET.DELETED_AT.isNull())
                  .returning(FLEET.NAME, FLEET.PROJECT_ID)
                  .fetchOne();
          if (row != null) {
            Events.write(
                dsl,
                List.of(
                    NewEvent.of(
                        now,
                        "Fleet deletion requested",
                        user,
                        new NewEvent.Target(
                            "fleet",
                            id.value(),
                            row.get(FLEET.NAME),
                            new ProjectId(row.get(FLEET.PROJECT_ID))))));
          }
        });
  }

  /**
   * Gives the next fleet whose workflow is behind to {@code carry}: start it (idempotently) when it
   * is not {@code started}, tell it the new plan otherwise, and the deletion when one is requested.
   * A failure leaves it where it was.
   */
  public boolean dispatchNext(Consumer<FleetRecord> carry) {
    return database.inTransaction(
        dsl -> {
          Optional<FleetRecord> next =
              dsl.select(FLEET.fields())
                  .select(PROJECT.NAME)
                  .from(FLEET)
                  .join(PROJECT)
                  .on(PROJECT.ID.eq(FLEET.PROJECT_ID))
                  .where(
                      FLEET.DELETED_AT.isNull(),
                      FLEET
                          .DISPATCHED_REVISION
                          .lt(FLEET.REVISION)
                          .or(
                              FLEET
                                  .DELETE_REQUESTED_AT
                                  .isNotNull()
                                  .and(FLEET.DELETE_DELIVERED_AT.isNull())))
                  .orderBy(FLEET.CREATED_AT)
                  .limit(1)
                  .forUpdate()
                  .of(FLEET)
                  .skipLocked()
                  .fetchOptional(Fleets::record);
          if (next.isEmpty()) {
            return false;
          }
          FleetRecord fleet = next.get();
          carry.accept(fleet);
          dsl.update(FLEET)
              .set(FLEET.DISPATCHED_REVISION, fleet.revision())
              .set(
                  FLEET.DELETE_DELIVERED_AT,
                  DSL.when(
                      DSL.condition(DSL.inline(fleet.deleteRequested())),
                      DSL.val(Clean.instant(clock.instant()), FLEET.DELETE_DELIVERED_AT)))
              .where(FLEET.ID.eq(fleet.id().value()))
              .execute();
          return true;
        });
  }

  private static FleetRecord record(Record row) {
    return new FleetRecord(
        new FleetId(row.get(FLEET.ID)),
        new ProjectId(row.get(FLEET.PROJECT_ID)),
        row.get(PROJECT.NAME),
        row.get(FLEET.NAME),
        row.get(FLEET.SPEC).data(),
        row.get(FLEET.PLAN).data(),
        row.get(FLEET.REVISION),
        row.get(FLEET.DISPATCHED_REVISION) > 0,
        row.get(FLEET.DELETE_REQUESTED_AT) != null,
        row.get(FLEET.CREATED_AT));
  }
}
