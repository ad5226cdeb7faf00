package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.JOB_VOLUME;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.ids.VolumeId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;

/**
 * Wishes about volumes, which a dispatcher carries to their workflows, and which job has got which.
 */
public final class Volumes {
  private final Database database;
  private final InstantSource clock;

  public Volumes(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * @throws DstackException NAME_TAKEN when the project has a volume of this name
   */
  public void create(
      VolumeId id,
      ProjectId project,
      UserId user,
      String name,
      String configurationJson,
      String planJson) {
    Instant now = Clean.instant(clock.instant());
    try {
      database.transaction(
          dsl -> {
            dsl.insertInto(VOLUME)
                .set(VOLUME.ID, id.value())
                .set(VOLUME.PROJECT_ID, project.value())
                .set(VOLUME.USER_ID, user.value())
                .set(VOLUME.NAME, name)
                .set(VOLUME.CONFIGURATION, Clean.json(configurationJson))
                .set(VOLUME.PLAN, Clean.json(planJson))
                .set(VOLUME.CREATED_AT, now)
                .execute();
            event(dsl, now, "Volume created. Status: SUBMITTED", user, id, name, project);
          });
    } catch (DataAccessException e) {
      if (Database.sqlState(e).equals("23505")) {
        throw new DstackException(
            ErrorKind.NAME_TAKEN, "Volume " + name + " exists already in this project.");
      }
      throw e;
    }
  }

  /** Its workflow has the last word: in use, it refuses, and the wish is taken back. */
  public void requestDelete(VolumeId id, UserId user) {
    Instant now = Clean.instant(clock.instant());
    database.transaction(
        dsl -> {
          Record row =
              dsl.update(VOLUME)
                  .set(VOLUME.DELETE_REQUESTED_AT, now)
                  .where(
                      VOLUME.ID.eq(id.value()),
                      VOLUME.DELETE_REQUESTED_AT.isNull(),
                      VOLUME.DELETED_AT.isNull())
                  .returning(VOLUME.NAME, VOLUME.PROJECT_ID)
                  .fetchOne();
          if (row != null) {
            ProjectId project = new ProjectId(row.get(VOLUME.PROJECT_ID));
            event(dsl, now, "Volume marked for deletion", user, id, row.get(VOLUME.NAME), project);
          }
        });
  }

  private static void event(
      DSLContext dsl,
      Instant at,
      String text,
      UserId user,
      VolumeId id,
      String name,
      ProjectId project) {
    Events.write(
        dsl,
        List.of(
            NewEvent.of(at, text, user, new NewEvent.Target("volume", id.value(), name, project))));
  }

  /** The volume of that name that is not deleted. */
  public Optional<VolumeRecord> find(ProjectId project, String name) {
    return database.read(
        dsl ->
            select(
                    dsl,
                    DSL.and(
                        VOLUME.PROJECT_ID.eq(project.value()),
                        VOLUME.NAME.eq(name),
                        VOLUME.DELETED_AT.isNull()))
                .fetchOptional(Volumes::record));
  }

  /** The name of who applied it. */
  public Optional<String> owner(VolumeId id) {
    return database.read(
        dsl ->
            dsl.select(USER_ACCOUNT.USERNAME)
                .from(VOLUME)
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(VOLUME.USER_ID))
                .where(VOLUME.ID.eq(id.value()))
                .fetchOptional(USER_ACCOUNT.USERNAME));
  }

  /** Known to have been, and deleted since; an unknown one is not. */
  public boolean isDeleted(VolumeId id) {
    return database.read(
        dsl ->
            dsl.fetchExists(
                VOLUME, DSL.and(VOLUME.ID.eq(id.value()), VOLUME.DELETED_AT.isNotNull())));
  }

  private static org.jooq.SelectConditionStep<?> select(DSLContext dsl, Condition condition) {
    return dsl.select(VOLUME.fields())
        .select(PROJECT.NAME)
        .from(VOLUME)
        .join(PROJECT)
        .on(PROJECT.ID.eq(VOLUME.PROJECT_ID))
        .where(condition);
  }

  /**
   * Gives the next volume whose workflow is behind to {@code carry}: start it (idempotently) when
   * it is not {@code started}, tell it the deletion when that is requested. A failure leaves it
   * where it was.
   */
  public boolean dispatchNext(Consumer<VolumeRecord> carry) {
    return database.inTransaction(
        dsl -> {
          Optional<VolumeRecord> next =
              select(
                      dsl,
                      DSL.and(
                          VOLUME.DELETED_AT.isNull(),
                          VOLUME
                              .DISPATCHED_AT
                              .isNull()
                              .or(
                                  VOLUME
                                      .DELETE_REQUESTED_AT
                                      .isNotNull()
                                      .and(VOLUME.DELETE_DELIVERED_AT.isNull()))))
                  .orderBy(VOLUME.CREATED_AT)
                  .limit(1)
                  .forUpdate()
                  .of(VOLUME)
                  .skipLocked()
                  .fetchOptional(Volumes::record);
          if (next.isEmpty()) {
            return false;
          }
          VolumeRecord volume = next.get();
          carry.accept(volume);
          Instant now = Clean.instant(clock.instant());
          dsl.update(VOLUME)
              .set(VOLUME.DISPATCHED_AT, now)
              .set(
                  VOLUME.DELETE_DELIVERED_AT,
                  volume.deleteRequested() ? DSL.val(now) : VOLUME.DELETE_DELIVERED_AT)
              .where(VOLUME.ID.eq(volume.id().value()))
              .execute();
          return true;
        });
  }

  private static VolumeRecord record(Record row) {
    return new VolumeRecord(
        new VolumeId(row.get(VOLUME.ID)),
        new ProjectId(row.get(VOLUME.PROJECT_ID)),
        row.get(PROJECT.NAME),
        row.get(VOLUME.NAME),
        row.get(VOLUME.CONFIGURATION).data(),
        row.get(VOLUME.PLAN).data(),
        row.get(VOLUME.DISPATCHED_AT) != null,
        row.get(VOLUME.DELETE_REQUESTED_AT) != null,
        row.get(VOLUME.CREATED_AT));
  }

  // --- of jobs -----------------------------------------------------------------------------------

  /** A job has got a volume for one of its mounts; again is the same. */
  public void attached(JobVolume volume) {
    database.transaction(
        dsl ->
            dsl.insertInto(JOB_VOLUME)
                .set(JOB_VOLUME.JOB_ID, volume.job().value())
                .set(JOB_VOLUME.POSITION, volume.position())
                .set(JOB_VOLUME.VOLUME_ID, volume.volume().value())
                .set(JOB_VOLUME.NAME, volume.name())
                .set(JOB_VOLUME.PROVIDER_ID, volume.providerId())
                .set(JOB_VOLUME.DEVICE, volume.device())
                .set(JOB_VOLUME.DIRECTORY, volume.directory())
                .set(JOB_VOLUME.FORMAT, volume.format())
                .set(JOB_VOLUME.ATTACHED_AT, Clean.instant(clock.instant()))
                .onConflict(JOB_VOLUME.JOB_ID, JOB_VOLUME.POSITION)
                .doUpdate()
                .setAllToExcluded()
                .execute());
  }

  /** The job is done with all of its volumes. */
  public void detached(JobId job) {
    database.transaction(
        dsl -> dsl.deleteFrom(JOB_VOLUME).where(JOB_VOLUME.JOB_ID.eq(job.value())).execute());
  }

  /** In the order of its mounts. */
  public List<JobVolume> of(JobId job) {
    return database.read(
        dsl ->
            dsl.selectFrom(JOB_VOLUME)
                .where(JOB_VOLUME.JOB_ID.eq(job.value()))
                .orderBy(JOB_VOLUME.POSITION)
                .fetch(
                    row ->
                        new JobVolume(
                            new JobId(row.getJobId()),
                            row.getPosition(),
                            new VolumeId(row.getVolumeId()),
                            row.getName(),
                            row.getProviderId(),
                            row.getDevice(),
                            row.getDirectory(),
                            row.getFormat())));
  }
}
