package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_STOP;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_UPDATE;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.json.Json;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Accepted runs and the wishes about them. Accepting, and every wish, is one transaction and needs
 * no Temporal; {@link RunOutbox} is how a dispatcher carries them over.
 */
public final class RunSubmissions {
  private static final String UNIQUE_VIOLATION = "23505";

  static final List<SelectField<?>> RUN_FIELDS =
      List.of(
          RUN_SUBMISSION.ID,
          RUN_SUBMISSION.PROJECT_ID,
          PROJECT.NAME,
          RUN_SUBMISSION.USER_ID,
          USER_ACCOUNT.USERNAME,
          RUN_SUBMISSION.RUN_NAME,
          RUN_SUBMISSION.SPEC,
          RUN_SUBMISSION.PLAN,
          RUN_SUBMISSION.PRIORITY,
          RUN_SUBMISSION.DEPLOYMENT_NUM,
          RUN_SUBMISSION.SUBMITTED_AT,
          RUN_SUBMISSION.FINISHED_AT);

  private final Database database;
  private final Encryption encryption;
  private final InstantSource clock;

  public RunSubmissions(Database database, Encryption encryption, InstantSource clock) {
    this.database = database;
    this.encryption = encryption;
    this.clock = clock;
  }

  /**
   * Accepts a run together with its first event. The same id again changes nothing.
   *
   * @throws DstackException NAME_TAKEN when an unfinished run of the project has this name
   */
  public void accept(NewRun run) {
    try {
      database.transaction(dsl -> accept(dsl, run));
    } catch (DataAccessException e) {
      if (Database.sqlState(e).equals(UNIQUE_VIOLATION)) {
        throw new DstackException(
            ErrorKind.NAME_TAKEN,
            "Run " + run.runName() + " is not finished. Stop it first, or choose another name.");
      }
      throw e;
    }
  }

  private void accept(DSLContext dsl, NewRun run) {
    Instant at = Clean.instant(run.submittedAt());
    replaceFinished(dsl, run, at);
    int written =
        dsl.insertInto(RUN_SUBMISSION)
            .set(RUN_SUBMISSION.ID, run.id().value())
            .set(RUN_SUBMISSION.PROJECT_ID, run.project().value())
            .set(RUN_SUBMISSION.USER_ID, run.user().value())
            .set(RUN_SUBMISSION.RUN_NAME, run.runName())
            .set(RUN_SUBMISSION.REPO_ID, Clean.textOrNull(run.repoId()))
            .set(RUN_SUBMISSION.SPEC, Clean.json(run.specJson()))
            .set(RUN_SUBMISSION.PRIVATE_ENCRYPTED, packed(run.secrets()))
            .set(RUN_SUBMISSION.PLAN, Clean.json(run.planJson()))
            .set(RUN_SUBMISSION.PRIORITY, run.priority())
            .set(RUN_SUBMISSION.SUBMITTED_AT, at)
            .onConflict(RUN_SUBMISSION.ID)
            .doNothing()
            .execute();
    if (written == 1) {
      Events.write(
          dsl,
          List.of(NewEvent.of(at, "Run submitted. Status: SUBMITTED", run.user(), target(run))));
    }
  }

  /** Of finished runs of one name only the latest is listed. */
  private static void replaceFinished(DSLContext dsl, NewRun run, Instant at) {
    List<NewEvent> events = new ArrayList<>();
    for (Record row :
        dsl.update(RUN_SUBMISSION)
            .set(RUN_SUBMISSION.DELETED_AT, at)
            .where(
                RUN_SUBMISSION.PROJECT_ID.eq(run.project().value()),
                RUN_SUBMISSION.RUN_NAME.eq(run.runName()),
                RUN_SUBMISSION.ID.ne(run.id().value()),
                RUN_SUBMISSION.FINISHED_AT.isNotNull(),
                RUN_SUBMISSION.DELETED_AT.isNull())
            .returning(RUN_SUBMISSION.ID)
            .fetch()) {
      events.add(
          NewEvent.of(
              at,
              "Run deleted",
              run.user(),
              new NewEvent.Target(
                  "run", row.get(RUN_SUBMISSION.ID), run.runName(), run.project())));
    }
    Events.write(dsl, events);
  }

  private static NewEvent.Target target(NewRun run) {
    return new NewEvent.Target("run", run.id().value(), run.runName(), run.project());
  }

  /** What the run's specification means to its workflow; its RunPlan. */
  public Optional<String> plan(RunId run) {
    return database.read(
        dsl ->
            dsl.select(RUN_SUBMISSION.PLAN)
                .from(RUN_SUBMISSION)
                .where(RUN_SUBMISSION.ID.eq(run.value()))
                .fetchOptional(row -> row.value1().data()));
  }

  /** The latest run of that name that is not deleted. */
  public Optional<RunRecord> findLatest(ProjectId project, String runName) {
    return find(
        DSL.and(
            RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
            RUN_SUBMISSION.RUN_NAME.eq(runName),
            RUN_SUBMISSION.DELETED_AT.isNull()));
  }

  public Optional<RunRecord> find(RunId run) {
    return find(RUN_SUBMISSION.ID.eq(run.value()));
  }

  private Optional<RunRecord> find(Condition condition) {
    return database.read(
        dsl ->
            dsl.select(RUN_FIELDS)
                .from(RUN_SUBMISSION)
                .join(PROJECT)
                .on(PROJECT.ID.eq(RUN_SUBMISSION.PROJECT_ID))
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(RUN_SUBMISSION.USER_ID))
                .where(condition)
                .orderBy(RUN_SUBMISSION.SUBMITTED_AT.desc(), RUN_SUBMISSION.ID.desc())
                .limit(1)
                .fetchOptional(RunSubmissions::record));
  }

  /** What was kept apart from the specification. */
  public RunPrivate secretsOf(RunId run) {
    Optional<String> packed =
        database.read(
            dsl ->
                dsl.select(RUN_SUBMISSION.PRIVATE_ENCRYPTED)
                    .from(RUN_SUBMISSION)
                    .where(RUN_SUBMISSION.ID.eq(run.value()))
                    .fetchOptional(RUN_SUBMISSION.PRIVATE_ENCRYPTED));
    return packed
        .map(text -> Json.lenient().readValue(encryption.decrypt(text), RunPrivate.class))
        .orElse(RunPrivate.NONE);
  }

  /** Sees the project's members on the same page as {@link #accept}: is the name free now? */
  public boolean isActive(ProjectId project, String runName) {
    return database.read(
        dsl ->
            dsl.fetchExists(
                RUN_SUBMISSION,
                RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
                RUN_SUBMISSION.RUN_NAME.eq(runName),
                RUN_SUBMISSION.FINISHED_AT.isNull(),
                RUN_SUBMISSION.DELETED_AT.isNull()));
  }

  /**
   * Notes that these runs are to end; finished ones and unknown names are left alone. An abort
   * outweighs a stop, never the other way round.
   *
   * @return the runs that will end
   */
  public List<RunId> requestStop(
      ProjectId project, Collection<String> runNames, boolean abort, UserId user) {
    return database.inTransaction(
        dsl -> {
          Instant now = Clean.instant(clock.instant());
          List<RunId> stopped = new ArrayList<>();
          List<NewEvent> events = new ArrayList<>();
          for (Record row :
              dsl.select(RUN_SUBMISSION.ID, RUN_SUBMISSION.RUN_NAME)
                  .from(RUN_SUBMISSION)
                  .where(
                      RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
                      RUN_SUBMISSION.RUN_NAME.in(runNames),
                      RUN_SUBMISSION.FINISHED_AT.isNull(),
                      RUN_SUBMISSION.DELETED_AT.isNull())
                  .orderBy(RUN_SUBMISSION.ID)
                  .fetch()) {
            RunId run = new RunId(row.get(RUN_SUBMISSION.ID));
            stopped.add(run);
            int changed =
                dsl.insertInto(RUN_STOP)
                    .set(RUN_STOP.RUN_ID, run.value())
                    .set(RUN_STOP.ABORT, abort)
                    .set(RUN_STOP.REQUESTED_AT, now)
                    .set(RUN_STOP.USER_ID, user.value())
                    .onConflict(RUN_STOP.RUN_ID)
                    .doUpdate()
                    .set(RUN_STOP.ABORT, true)
                    .set(RUN_STOP.REQUESTED_AT, now)
                    .set(RUN_STOP.USER_ID, user.value())
                    .setNull(RUN_STOP.DELIVERED_AT)
                    .where(RUN_STOP.ABORT.isFalse(), DSL.condition(DSL.inline(abort)))
                    .execute();
            if (changed == 1) {
              events.add(
                  NewEvent.of(
                      now,
                      abort ? "Run abort requested" : "Run stop requested",
                      user,
                      new NewEvent.Target(
                          "run", run.value(), row.get(RUN_SUBMISSION.RUN_NAME), project)));
            }
          }
          Events.write(dsl, events);
          return stopped;
        });
  }

  /**
   * Changes an unfinished run in place.
   *
   * @return the new deployment number
   * @throws DstackException NOT_FOUND when the run has finished meanwhile
   */
  public int update(
      RunId run, String specJson, RunPrivate secrets, String planJson, int priority, UserId user) {
    // Its nodes have it already.
    RunPrivate.NodeKey nodeKey = secretsOf(run).nodeKey();
    return database.inTransaction(
        dsl -> {
          Instant now = Clean.instant(clock.instant());
          Record row =
              dsl.update(RUN_SUBMISSION)
                  .set(RUN_SUBMISSION.SPEC, Clean.json(specJson))
                  .set(RUN_SUBMISSION.PRIVATE_ENCRYPTED, packed(secrets.with(nodeKey)))
                  .set(RUN_SUBMISSION.PLAN, Clean.json(planJson))
                  .set(RUN_SUBMISSION.PRIORITY, priority)
                  .set(RUN_SUBMISSION.DEPLOYMENT_NUM, RUN_SUBMISSION.DEPLOYMENT_NUM.plus(1))
                  .where(
                      RUN_SUBMISSION.ID.eq(run.value()),
                      RUN_SUBMISSION.FINISHED_AT.isNull(),
                      RUN_SUBMISSION.DELETED_AT.isNull())
                  .returning(
                      RUN_SUBMISSION.DEPLOYMENT_NUM,
                      RUN_SUBMISSION.RUN_NAME,
                      RUN_SUBMISSION.PROJECT_ID)
                  .fetchOne();
          if (row == null) {
            throw new DstackException(
                ErrorKind.NOT_FOUND,
                "The run has finished meanwhile; apply again to start a new one.");
          }
          int deployment = row.get(RUN_SUBMISSION.DEPLOYMENT_NUM);
          dsl.insertInto(RUN_UPDATE)
              .set(RUN_UPDATE.RUN_ID, run.value())
              .set(RUN_UPDATE.REQUESTED_AT, now)
              .onConflict(RUN_UPDATE.RUN_ID)
              .doUpdate()
              .set(RUN_UPDATE.REQUESTED_AT, now)
              .set(RUN_UPDATE.REVISION, RUN_UPDATE.REVISION.plus(1))
              .setNull(RUN_UPDATE.DELIVERED_AT)
              .execute();
          Events.write(
              dsl,
              List.of(
                  NewEvent.of(
                      now,
                      "Run updated. Deployment: " + deployment,
                      user,
                      new NewEvent.Target(
                          "run",
                          run.value(),
                          row.get(RUN_SUBMISSION.RUN_NAME),
                          new ProjectId(row.get(RUN_SUBMISSION.PROJECT_ID))))));
          return deployment;
        });
  }

  /**
   * Takes finished runs out of every list; their events stay.
   *
   * @throws DstackException INVALID_SPEC when one of them has not finished; then none is deleted
   */
  public List<RunId> delete(ProjectId project, Collection<String> runNames, UserId user) {
    return database.inTransaction(
        dsl -> {
          Instant now = Clean.instant(clock.instant());
          List<String> active =
              dsl.select(RUN_SUBMISSION.RUN_NAME)
                  .from(RUN_SUBMISSION)
                  .where(
                      RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
                      RUN_SUBMISSION.RUN_NAME.in(runNames),
                      RUN_SUBMISSION.FINISHED_AT.isNull(),
                      RUN_SUBMISSION.DELETED_AT.isNull())
                  .orderBy(RUN_SUBMISSION.RUN_NAME)
                  .fetch(RUN_SUBMISSION.RUN_NAME);
          if (!active.isEmpty()) {
            throw new DstackException(
                ErrorKind.INVALID_SPEC,
                "Cannot delete active runs: " + active + ". Stop them first.");
          }
          List<RunId> deleted = new ArrayList<>();
          List<NewEvent> events = new ArrayList<>();
          for (Record row :
              dsl.update(RUN_SUBMISSION)
                  .set(RUN_SUBMISSION.DELETED_AT, now)
                  .where(
                      RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
                      RUN_SUBMISSION.RUN_NAME.in(runNames),
                      RUN_SUBMISSION.DELETED_AT.isNull())
                  .returning(RUN_SUBMISSION.ID, RUN_SUBMISSION.RUN_NAME)
                  .fetch()) {
            RunId run = new RunId(row.get(RUN_SUBMISSION.ID));
            deleted.add(run);
            events.add(
                NewEvent.of(
                    now,
                    "Run deleted",
                    user,
                    new NewEvent.Target(
                        "run", run.value(), row.get(RUN_SUBMISSION.RUN_NAME), project)));
          }
          Events.write(dsl, events);
          return deleted;
        });
  }

  private @Nullable String packed(RunPrivate secrets) {
    return secrets.equals(RunPrivate.NONE)
        ? null
        : encryption.encrypt(Json.lenient().writeValueAsString(secrets));
  }

  static RunRecord record(Record row) {
    return new RunRecord(
        new RunId(row.get(RUN_SUBMISSION.ID)),
        new ProjectId(row.get(RUN_SUBMISSION.PROJECT_ID)),
        row.get(PROJECT.NAME),
        new UserId(row.get(RUN_SUBMISSION.USER_ID)),
        row.get(USER_ACCOUNT.USERNAME),
        row.get(RUN_SUBMISSION.RUN_NAME),
        row.get(RUN_SUBMISSION.SPEC).data(),
        row.get(RUN_SUBMISSION.PLAN).data(),
        row.get(RUN_SUBMISSION.PRIORITY),
        row.get(RUN_SUBMISSION.DEPLOYMENT_NUM),
        row.get(RUN_SUBMISSION.SUBMITTED_AT),
        row.get(RUN_SUBMISSION.FINISHED_AT));
  }
}
