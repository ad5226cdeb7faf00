package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;
import static dev.dstack.db.jooq.generated.views.Tables.BACKEND_OFFER;
import static dev.dstack.db.jooq.generated.views.Tables.FLEET_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_CLAIM;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.RUN_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.RUN_WHY;
import static dev.dstack.db.jooq.generated.views.Tables.VOLUME_VIEW;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.views.tables.records.FleetViewRecord;
import dev.dstack.db.jooq.generated.views.tables.records.InstanceViewRecord;
import dev.dstack.db.jooq.generated.views.tables.records.JobViewRecord;
import dev.dstack.db.jooq.generated.views.tables.records.RunViewRecord;
import dev.dstack.db.jooq.generated.views.tables.records.VolumeViewRecord;
import dev.dstack.db.records.Events;
import dev.dstack.db.records.NewEvent;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Table;
import org.jooq.TableRecord;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * The only writer of views. Each method is one transaction with the events that belong to it; a
 * revision that is not above the stored one changes nothing, so repeating a call or being late with
 * it is harmless.
 */
public final class ViewWriter {
  /** Beside the first. */
  private static final int ATTEMPTS_KEPT = 50;

  /** Written by others than the workflow that the row belongs to. */
  private static final Set<Field<?>> LIVE =
      Set.of(JOB_VIEW.PULL, JOB_VIEW.UNUSED_SINCE, JOB_VIEW.VOLUME_NAMES);

  /** A run that is seen in one of these has got its first machine. */
  private static final Set<RunStatus> PROVISIONED =
      Set.of(RunStatus.PROVISIONING, RunStatus.RUNNING, RunStatus.DONE);

  /** What a row remembers of the past, whatever its workflow says of the present. */
  private static final Map<Field<?>, Field<?>> REMEMBERED =
      Map.of(
          RUN_VIEW.PROVISIONED_AT,
          DSL.coalesce(RUN_VIEW.PROVISIONED_AT, DSL.excluded(RUN_VIEW.PROVISIONED_AT)),
          RUN_VIEW.TIMES_PENDING,
          RUN_VIEW.TIMES_PENDING.plus(
              DSL.when(
                      RUN_VIEW.STATUS.ne(RunStatus.PENDING.wire()),
                      DSL.excluded(RUN_VIEW.TIMES_PENDING))
                  .otherwise(0)),
          // The end of a job may be told by one who does not know how it was.
          JOB_VIEW.INSTANCE_ID,
          last(JOB_VIEW.INSTANCE_ID),
          JOB_VIEW.PLACEMENT,
          last(JOB_VIEW.PLACEMENT),
          JOB_VIEW.PRICE,
          last(JOB_VIEW.PRICE),
          JOB_VIEW.PLACED_AT,
          DSL.coalesce(JOB_VIEW.PLACED_AT, DSL.excluded(JOB_VIEW.PLACED_AT)),
          JOB_VIEW.WORKING_DIR,
          last(JOB_VIEW.WORKING_DIR),
          JOB_VIEW.USERNAME,
          last(JOB_VIEW.USERNAME),
          JOB_VIEW.PORTS,
          last(JOB_VIEW.PORTS),
          JOB_VIEW.RUNNING_AT,
          last(JOB_VIEW.RUNNING_AT));

  private final Database database;

  private static <T> Field<T> last(Field<T> field) {
    return DSL.coalesce(DSL.excluded(field), field);
  }

  /**
   * @param database a pool of role WORKER
   */
  public ViewWriter(Database database) {
    this.database = database;
  }

  /** A final status also frees the run's name. */
  public void writeRun(RunViewRow run, List<NewEvent> events) {
    writeRun(run, List.of(), events);
  }

  /**
   * @param why attempts to get capacity, each as far as it is known
   */
  public void writeRun(RunViewRow run, List<RunWhyRow> why, List<NewEvent> events) {
    RunViewRecord row = new RunViewRecord();
    row.setId(run.id().value());
    row.setProjectId(run.project().value());
    row.setRevision(run.revision());
    row.setStatus(run.status().wire());
    row.setStatusMessage(Clean.text(run.statusMessage()));
    row.setTerminationReason(run.terminationReason());
    row.setError(Clean.textOrNull(run.error()));
    RunViewRow.Fleet fleet = run.fleet();
    row.setFleetId(fleet == null ? null : fleet.id().value());
    row.setFleetProject(fleet == null ? null : fleet.project());
    row.setFleetName(fleet == null ? null : fleet.name());
    row.setAt(Clean.instant(run.at()));
    row.setNextTriggeredAt(Clean.instantOrNull(run.nextTriggeredAt()));
    row.setPriority(run.priority());
    row.setDeploymentNum(run.deploymentNum());
    row.setProvisionedAt(PROVISIONED.contains(run.status()) ? Clean.instant(run.at()) : null);
    row.setTimesPending(run.status() == RunStatus.PENDING ? 1 : 0);
    database.transaction(
        dsl -> {
          if (upsert(dsl, RUN_VIEW, RUN_VIEW.ID, RUN_VIEW.REVISION, row)
              && run.status().isFinal()) {
            dsl.update(RUN_SUBMISSION)
                .set(RUN_SUBMISSION.FINISHED_AT, Clean.instant(run.at()))
                .where(RUN_SUBMISSION.ID.eq(run.id().value()), RUN_SUBMISSION.FINISHED_AT.isNull())
                .execute();
          }
          why.forEach(one -> writeWhy(dsl, run, one));
          Events.write(dsl, events);
        });
  }

  /** The first attempt stays, and the last ones. */
  private static void writeWhy(DSLContext dsl, RunViewRow run, RunWhyRow why) {
    JSONB attempt = Clean.json(why.attemptJson());
    dsl.insertInto(RUN_WHY)
        .set(RUN_WHY.RUN_ID, run.id().value())
        .set(RUN_WHY.REPLICA_NUM, why.replica())
        .set(RUN_WHY.SUBMISSION_NUM, why.submission())
        .set(RUN_WHY.REVISION, run.revision())
        .set(RUN_WHY.ATTEMPT, attempt)
        .onConflict(RUN_WHY.RUN_ID, RUN_WHY.REPLICA_NUM, RUN_WHY.SUBMISSION_NUM)
        .doUpdate()
        .set(RUN_WHY.REVISION, run.revision())
        .set(RUN_WHY.ATTEMPT, attempt)
        .where(RUN_WHY.REVISION.lt(run.revision()))
        .execute();
    dsl.deleteFrom(RUN_WHY)
        .where(
            RUN_WHY.RUN_ID.eq(run.id().value()),
            RUN_WHY.REPLICA_NUM.eq(why.replica()),
            RUN_WHY.SUBMISSION_NUM.between(1, why.submission() - ATTEMPTS_KEPT))
        .execute();
  }

  public void writeJob(JobViewRow job, List<NewEvent> events) {
    writeJobs(List.of(new ShownJob(job, events)));
  }

  /** A job and what has happened to it. */
  public record ShownJob(JobViewRow job, List<NewEvent> events) {
    public ShownJob {
      events = List.copyOf(events);
    }
  }

  public void writeJobs(List<ShownJob> jobs) {
    database.transaction(
        dsl -> {
          for (ShownJob shown : jobs) {
            upsert(dsl, JOB_VIEW, JOB_VIEW.ID, JOB_VIEW.REVISION, record(shown.job()));
            Events.write(dsl, shown.events());
          }
        });
  }

  private static JobViewRecord record(JobViewRow job) {
    JobViewRecord row = new JobViewRecord();
    row.setId(job.id().value());
    row.setRunId(job.run().value());
    row.setProjectId(job.project().value());
    row.setReplicaNum(job.replicaNum());
    row.setJobNum(job.jobNum());
    row.setSubmissionNum(job.submissionNum());
    row.setJobName(job.jobName());
    row.setRevision(job.revision());
    row.setStatus(job.status().wire());
    row.setStatusMessage(Clean.text(job.statusMessage()));
    row.setTerminationReason(job.terminationReason());
    row.setTerminationReasonMessage(Clean.textOrNull(job.terminationReasonMessage()));
    row.setExitStatus(job.exitStatus());
    row.setInstanceId(job.instance() == null ? null : job.instance().value());
    row.setPlacement(Clean.jsonOrNull(job.placementJson()));
    row.setPrice(job.price());
    row.setPlacedAt(job.placementJson() == null ? null : Clean.instant(job.at()));
    row.setWorkingDir(Clean.textOrNull(job.workingDir()));
    row.setUsername(Clean.textOrNull(job.username()));
    row.setSubmittedAt(Clean.instant(job.submittedAt()));
    row.setAt(Clean.instant(job.at()));
    row.setRunningAt(Clean.instantOrNull(job.runningAt()));
    row.setFinishedAt(Clean.instantOrNull(job.finishedAt()));
    row.setPorts(
        job.ports().isEmpty()
            ? null
            : JSONB.valueOf(Json.lenient().writeValueAsString(job.ports())));
    return row;
  }

  /** What the host said last; without a revision, because nothing is decided from it. */
  public void writeJobLive(JobId job, @Nullable PullProgress pull, @Nullable Instant unusedSince) {
    database.transaction(
        dsl ->
            dsl.update(JOB_VIEW)
                .set(
                    JOB_VIEW.PULL,
                    pull == null ? null : JSONB.valueOf(Json.lenient().writeValueAsString(pull)))
                .set(JOB_VIEW.UNUSED_SINCE, Clean.instantOrNull(unusedSince))
                .where(JOB_VIEW.ID.eq(job.value()), JOB_VIEW.FINISHED_AT.isNull())
                .execute());
  }

  /** Which volumes a job got: of several that are named for a mount, one. */
  public void writeJobVolumes(JobId job, List<String> names) {
    database.transaction(
        dsl ->
            dsl.update(JOB_VIEW)
                .set(JOB_VIEW.VOLUME_NAMES, names.toArray(String[]::new))
                .where(JOB_VIEW.ID.eq(job.value()))
                .execute());
  }

  /** Ends a job whose workflow is no more, unless its end is shown already. */
  public void endJob(
      JobId job,
      JobStatus status,
      String statusMessage,
      String reason,
      String message,
      Instant at) {
    database.transaction(
        dsl ->
            dsl.update(JOB_VIEW)
                .set(JOB_VIEW.REVISION, JOB_VIEW.REVISION.plus(1))
                .set(JOB_VIEW.STATUS, status.wire())
                .set(JOB_VIEW.STATUS_MESSAGE, statusMessage)
                .set(JOB_VIEW.TERMINATION_REASON, reason)
                .set(JOB_VIEW.TERMINATION_REASON_MESSAGE, message)
                .set(JOB_VIEW.AT, Clean.instant(at))
                .set(JOB_VIEW.FINISHED_AT, Clean.instant(at))
                .where(JOB_VIEW.ID.eq(job.value()), JOB_VIEW.FINISHED_AT.isNull())
                .execute());
  }

  public void writeInstance(InstanceViewRow instance, List<NewEvent> events) {
    InstanceViewRecord row = new InstanceViewRecord();
    row.setId(instance.id().value());
    row.setProjectId(instance.project().value());
    row.setFleetId(instance.fleet().value());
    row.setFleetName(instance.fleetName());
    row.setNumber(instance.number());
    row.setName(instance.name());
    row.setRevision(instance.revision());
    row.setStatus(instance.status().wire());
    row.setHost(instance.host().name());
    row.setTerminationReason(instance.terminationReason());
    row.setTerminationReasonMessage(Clean.textOrNull(instance.terminationReasonMessage()));
    row.setOffer(Clean.json(instance.offerJson()));
    row.setProviderId(Clean.textOrNull(instance.providerId()));
    row.setHostname(Clean.textOrNull(instance.hostname()));
    row.setCreatedAt(Clean.instant(instance.createdAt()));
    row.setAt(Clean.instant(instance.at()));
    row.setFinishedAt(Clean.instantOrNull(instance.finishedAt()));
    database.transaction(
        dsl -> {
          upsert(dsl, INSTANCE_VIEW, INSTANCE_VIEW.ID, INSTANCE_VIEW.REVISION, row);
          Events.write(dsl, events);
        });
  }

  /**
   * Claims come as changes since the last revision, so they are applied only with a revision that
   * is new. The writer waits for one before it sends the next.
   */
  public void writeFleet(
      FleetViewRow fleet, List<ClaimRow> claimed, List<Released> released, List<NewEvent> events) {
    FleetViewRecord row = new FleetViewRecord();
    row.setId(fleet.id().value());
    row.setProjectId(fleet.project().value());
    row.setName(fleet.name());
    row.setRevision(fleet.revision());
    row.setStatus(fleet.status().wire());
    row.setStatusMessage(Clean.textOrNull(fleet.statusMessage()));
    row.setCreatedAt(Clean.instant(fleet.createdAt()));
    row.setAt(Clean.instant(fleet.at()));
    database.transaction(
        dsl -> {
          if (upsert(dsl, FLEET_VIEW, FLEET_VIEW.ID, FLEET_VIEW.REVISION, row)) {
            applyClaims(dsl, fleet, claimed, released);
            if (fleet.status().isFinal()) {
              dsl.update(FLEET)
                  .set(FLEET.DELETED_AT, Clean.instant(fleet.at()))
                  .where(FLEET.ID.eq(fleet.id().value()), FLEET.DELETED_AT.isNull())
                  .execute();
            }
          }
          Events.write(dsl, events);
        });
  }

  /** Its end frees the volume's name; a refused wish for it is taken back. */
  public void writeVolume(VolumeViewRow volume, boolean deleteRefused, List<NewEvent> events) {
    VolumeViewRecord row = new VolumeViewRecord();
    row.setId(volume.id().value());
    row.setProjectId(volume.project().value());
    row.setName(volume.name());
    row.setRevision(volume.revision());
    row.setStatus(volume.status().wire());
    row.setStatusMessage(Clean.textOrNull(volume.statusMessage()));
    row.setProviderId(Clean.textOrNull(volume.providerId()));
    row.setSizeGb(volume.sizeGb());
    row.setAvailabilityZone(Clean.textOrNull(volume.availabilityZone()));
    row.setPrice(volume.price());
    row.setAttachments(Clean.json(volume.attachmentsJson()));
    row.setCreatedAt(Clean.instant(volume.createdAt()));
    row.setAt(Clean.instant(volume.at()));
    row.setDeletedAt(Clean.instantOrNull(volume.deletedAt()));
    database.transaction(
        dsl -> {
          if (upsert(dsl, VOLUME_VIEW, VOLUME_VIEW.ID, VOLUME_VIEW.REVISION, row)) {
            Instant deletedAt = volume.deletedAt();
            if (deletedAt != null) {
              dsl.update(VOLUME)
                  .set(VOLUME.DELETED_AT, Clean.instant(deletedAt))
                  .where(VOLUME.ID.eq(volume.id().value()), VOLUME.DELETED_AT.isNull())
                  .execute();
            } else if (deleteRefused) {
              dsl.update(VOLUME)
                  .set(VOLUME.DELETE_REQUESTED_AT, (Instant) null)
                  .set(VOLUME.DELETE_DELIVERED_AT, (Instant) null)
                  .where(VOLUME.ID.eq(volume.id().value()), VOLUME.DELETED_AT.isNull())
                  .execute();
            }
          }
          Events.write(dsl, events);
        });
  }

  /** The end of a claim. */
  public record Released(JobId job, InstanceId instance) {}

  private static void applyClaims(
      DSLContext dsl, FleetViewRow fleet, List<ClaimRow> claimed, List<Released> released) {
    for (Released one : released) {
      dsl.deleteFrom(INSTANCE_CLAIM)
          .where(
              INSTANCE_CLAIM.JOB_ID.eq(one.job().value()),
              INSTANCE_CLAIM.INSTANCE_ID.eq(one.instance().value()))
          .execute();
    }
    for (ClaimRow claim : claimed) {
      dsl.insertInto(INSTANCE_CLAIM)
          .set(INSTANCE_CLAIM.JOB_ID, claim.job().value())
          .set(INSTANCE_CLAIM.INSTANCE_ID, claim.instance().value())
          .set(INSTANCE_CLAIM.FLEET_ID, fleet.id().value())
          .set(INSTANCE_CLAIM.BLOCKS, claim.blocks())
          .set(INSTANCE_CLAIM.TOTAL_BLOCKS, claim.totalBlocks())
          .set(INSTANCE_CLAIM.TAKEN, Clean.json(claim.takenJson()))
          .set(INSTANCE_CLAIM.REVISION, fleet.revision())
          .set(INSTANCE_CLAIM.CLAIMED_AT, Clean.instant(fleet.at()))
          .onConflict(INSTANCE_CLAIM.JOB_ID)
          .doUpdate()
          .setAllToExcluded()
          .execute();
    }
    if (fleet.status().isFinal()) {
      dsl.deleteFrom(INSTANCE_CLAIM)
          .where(INSTANCE_CLAIM.FLEET_ID.eq(fleet.id().value()))
          .execute();
    }
  }

  /**
   * @param error absent: the offers replace what was known; else only the error and the time are
   */
  public void writeOffers(
      ProjectId project,
      BackendType backend,
      String offersJson,
      @Nullable String error,
      Instant at) {
    database.transaction(
        dsl -> {
          var insert =
              dsl.insertInto(BACKEND_OFFER)
                  .set(BACKEND_OFFER.PROJECT_ID, project.value())
                  .set(BACKEND_OFFER.BACKEND, backend.name())
                  .set(BACKEND_OFFER.OFFERS, Clean.json(offersJson))
                  .set(BACKEND_OFFER.ERROR, Clean.textOrNull(error))
                  .set(BACKEND_OFFER.AT, Clean.instant(at))
                  .onConflict(BACKEND_OFFER.PROJECT_ID, BACKEND_OFFER.BACKEND)
                  .doUpdate()
                  .set(BACKEND_OFFER.ERROR, DSL.excluded(BACKEND_OFFER.ERROR))
                  .set(BACKEND_OFFER.AT, DSL.excluded(BACKEND_OFFER.AT));
          if (error == null) {
            insert.set(BACKEND_OFFER.OFFERS, DSL.excluded(BACKEND_OFFER.OFFERS)).execute();
          } else {
            insert.execute();
          }
        });
  }

  /** Forgets the offers of backends that a project does not have any more. */
  public void removeOffersExcept(List<Map.Entry<ProjectId, BackendType>> kept) {
    database.transaction(
        dsl ->
            dsl.deleteFrom(BACKEND_OFFER)
                .where(
                    DSL.row(BACKEND_OFFER.PROJECT_ID, BACKEND_OFFER.BACKEND)
                        .notIn(
                            kept.stream()
                                .map(
                                    entry ->
                                        DSL.row(entry.getKey().value(), entry.getValue().name()))
                                .toList()))
                .execute());
  }

  private static <R extends TableRecord<R>> boolean upsert(
      DSLContext dsl, Table<R> table, Field<UUID> id, Field<Long> revision, R row) {
    Map<Field<?>, Field<?>> changes = new LinkedHashMap<>();
    for (Field<?> field : table.fields()) {
      // An absent value replaces a present one, too, but for what others write.
      boolean written = !LIVE.contains(field);
      row.touched(field, written);
      if (written && !field.equals(id)) {
        changes.put(field, REMEMBERED.getOrDefault(field, DSL.excluded(field)));
      }
    }
    return dsl.insertInto(table)
            .set(row)
            .onConflict(id)
            .doUpdate()
            .set(changes)
            .where(revision.lt(DSL.excluded(revision)))
            .execute()
        == 1;
  }
}
