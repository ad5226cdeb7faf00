package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.FLEET_REMOVAL;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jooq.Record;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Wishes about fleets; a dispatcher carries them to the workflows as it does with runs. */
public final class Fleets {
  private final Database database;
  private final Encryption encryption;
  private final InstantSource clock;

  public Fleets(Database database, Encryption encryption, InstantSource clock) {
    this.database = database;
    this.encryption = encryption;
    this.clock = clock;
  }

  /**
   * @param user absent: the server itself
   * @param specJson without anything secret
   * @param privateSpecJson the complete one where it has more, such as keys; kept encrypted
   * @throws DstackException NAME_TAKEN when the project has a fleet of this name
   */
  public void create(
      FleetId id,
      ProjectId project,
      @Nullable UserId user,
      String name,
      String specJson,
      @Nullable String privateSpecJson,
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
                .set(FLEET.PRIVATE_ENCRYPTED, encrypted(privateSpecJson))
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

  /** A fleet whose specification has nothing secret. */
  public void create(
      FleetId id,
      ProjectId project,
      @Nullable UserId user,
      String name,
      String specJson,
      String planJson) {
    create(id, project, user, name, specJson, null, planJson);
  }

  private @Nullable String encrypted(@Nullable String privateSpecJson) {
    return privateSpecJson == null ? null : encryption.encrypt(privateSpecJson);
  }

  /**
   * Replaces what a fleet should be; its workflow will hear of it.
   *
   * @param basedOn the revision that the change was made for; another one is somebody else's change
   */
  public void reconfigure(
      FleetId id,
      int basedOn,
      @Nullable UserId user,
      String specJson,
      @Nullable String privateSpecJson,
      String planJson) {
    Instant now = Clean.instant(clock.instant());
    database.transaction(
        dsl -> {
          Record row =
              dsl.update(FLEET)
                  .set(FLEET.SPEC, Clean.json(specJson))
                  .set(FLEET.PRIVATE_ENCRYPTED, encrypted(privateSpecJson))
                  .set(FLEET.PLAN, Clean.json(planJson))
                  .set(FLEET.REVISION, FLEET.REVISION.plus(1))
                  .where(
                      FLEET.ID.eq(id.value()),
                      FLEET.REVISION.eq(basedOn),
                      FLEET.DELETE_REQUESTED_AT.isNull(),
                      FLEET.DELETED_AT.isNull())
                  .returning(FLEET.NAME, FLEET.PROJECT_ID)
                  .fetchOne();
          if (row == null) {
            throw new DstackException(
                ErrorKind.NOT_FOUND,
                "The fleet has been changed or deleted by somebody else meanwhile.");
          }
          if (user != null) {
            Events.write(
                dsl, List.of(NewEvent.of(now, "Fleet update requested", user, target(id, row))));
          }
        });
  }

  /** A person wants instances gone; the fleet's workflow will hear of it. */
  public void remove(
      FleetId id, UserId user, String username, List<Integer> numbers, boolean forget) {
    Instant now = Clean.instant(clock.instant());
    database.transaction(
        dsl -> {
          Record row =
              dsl.select(FLEET.NAME, FLEET.PROJECT_ID)
                  .from(FLEET)
                  .where(FLEET.ID.eq(id.value()), FLEET.DELETED_AT.isNull())
                  .forShare()
                  .fetchOne();
          if (row == null) {
            throw new DstackException(ErrorKind.NOT_FOUND, "The fleet is deleted.");
          }
          dsl.insertInto(FLEET_REMOVAL)
              .set(FLEET_REMOVAL.ID, UUID.randomUUID())
              .set(FLEET_REMOVAL.FLEET_ID, id.value())
              .set(FLEET_REMOVAL.NUMBERS, numbers.toArray(Integer[]::new))
              .set(FLEET_REMOVAL.FORGET, forget)
              .set(FLEET_REMOVAL.USERNAME, username)
              .set(FLEET_REMOVAL.REQUESTED_AT, now)
              .execute();
          String which =
              numbers.isEmpty()
                  ? "all instances"
                  : "instances "
                      + String.join(", ", numbers.stream().map(String::valueOf).toList());
          Events.write(
              dsl,
              List.of(
                  NewEvent.of(
                      now,
                      (forget ? "Forgetting" : "Deletion") + " requested of " + which,
                      user,
                      target(id, row))));
        });
  }

  private static NewEvent.Target target(FleetId id, Record row) {
    return new NewEvent.Target(
        "fleet", id.value(), row.get(FLEET.NAME), new ProjectId(row.get(FLEET.PROJECT_ID)));
  }

  /** Instances of a fleet that are to go. */
  public record Removal(
      String project, String fleetName, List<Integer> numbers, boolean forget, String username) {
    public Removal {
      numbers = List.copyOf(numbers);
    }
  }

  /** Gives the oldest wish whose fleet has heard of itself to {@code carry}, as with plans. */
  public boolean deliverNextRemoval(Consumer<Removal> carry) {
    return database.inTransaction(
        dsl -> {
          Record next =
              dsl.select(FLEET_REMOVAL.fields())
                  .select(FLEET.NAME, PROJECT.NAME)
                  .from(FLEET_REMOVAL)
                  .join(FLEET)
                  .on(FLEET.ID.eq(FLEET_REMOVAL.FLEET_ID))
                  .join(PROJECT)
                  .on(PROJECT.ID.eq(FLEET.PROJECT_ID))
                  .where(FLEET_REMOVAL.DELIVERED_AT.isNull(), FLEET.DISPATCHED_REVISION.gt(0))
                  .orderBy(FLEET_REMOVAL.REQUESTED_AT)
                  .limit(1)
                  .forUpdate()
                  .of(FLEET_REMOVAL)
                  .skipLocked()
                  .fetchOne();
          if (next == null) {
            return false;
          }
          carry.accept(
              new Removal(
                  next.get(PROJECT.NAME),
                  next.get(FLEET.NAME),
                  List.of(next.get(FLEET_REMOVAL.NUMBERS)),
                  next.get(FLEET_REMOVAL.FORGET),
                  next.get(FLEET_REMOVAL.USERNAME)));
          dsl.update(FLEET_REMOVAL)
              .set(FLEET_REMOVAL.DELIVERED_AT, Clean.instant(clock.instant()))
              .where(FLEET_REMOVAL.ID.eq(next.get(FLEET_REMOVAL.ID)))
              .execute();
          return true;
        });
  }

  /** The fleet as wished; absent when it is unknown or deleted. */
  public Optional<FleetRecord> get(FleetId id) {
    return database.read(
        dsl ->
            dsl.select(FLEET.fields())
                .select(PROJECT.NAME)
                .from(FLEET)
                .join(PROJECT)
                .on(PROJECT.ID.eq(FLEET.PROJECT_ID))
                .where(FLEET.ID.eq(id.value()), FLEET.DELETED_AT.isNull())
                .fetchOptional(Fleets::record));
  }

  /** The name of who applied it; absent where that was the server itself. */
  public Optional<String> owner(FleetId id) {
    return database.read(
        dsl ->
            dsl.select(USER_ACCOUNT.USERNAME)
                .from(FLEET)
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(FLEET.USER_ID))
                .where(FLEET.ID.eq(id.value()))
                .fetchOptional(USER_ACCOUNT.USERNAME));
  }

  /** Also of a deleted fleet: its last machines are still to be taken leave of. */
  public Optional<FleetSecrets> secrets(FleetId id) {
    return database.read(
        dsl ->
            dsl.select(FLEET.SPEC, FLEET.PRIVATE_ENCRYPTED, FLEET.PLAN)
                .from(FLEET)
                .where(FLEET.ID.eq(id.value()))
                .fetchOptional(
                    row -> {
                      String sealed = row.get(FLEET.PRIVATE_ENCRYPTED);
                      return new FleetSecrets(
                          sealed == null ? row.get(FLEET.SPEC).data() : encryption.decrypt(sealed),
                          row.get(FLEET.PLAN).data());
                    }));
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
                dsl, List.of(NewEvent.of(now, "Fleet deletion requested", user, target(id, row))));
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
