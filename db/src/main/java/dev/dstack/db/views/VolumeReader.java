package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;
import static dev.dstack.db.jooq.generated.views.Tables.VOLUME_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.wire.volume.VolumeStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jooq.Condition;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.impl.DSL;

/** Volumes as they are shown. */
public final class VolumeReader {
  private static final Map<String, VolumeStatus> STATUS =
      RunReader.byWire(VolumeStatus.values(), VolumeStatus::wire);

  private static final List<SelectField<?>> FIELDS =
      List.of(
          VOLUME.ID,
          VOLUME.PROJECT_ID,
          PROJECT.NAME,
          USER_ACCOUNT.USERNAME,
          VOLUME.NAME,
          VOLUME.CONFIGURATION,
          VOLUME.PLAN,
          VOLUME.CREATED_AT,
          VOLUME.DELETE_REQUESTED_AT,
          VOLUME.DELETED_AT,
          VOLUME_VIEW.REVISION,
          VOLUME_VIEW.STATUS,
          VOLUME_VIEW.STATUS_MESSAGE,
          VOLUME_VIEW.PROVIDER_ID,
          VOLUME_VIEW.SIZE_GB,
          VOLUME_VIEW.AVAILABILITY_ZONE,
          VOLUME_VIEW.PRICE,
          VOLUME_VIEW.ATTACHMENTS,
          VOLUME_VIEW.AT,
          VOLUME_VIEW.DELETED_AT);

  private final Database database;

  public VolumeReader(Database database) {
    this.database = database;
  }

  public List<VolumeRow> list(VolumeQuery query) {
    List<ProjectId> projects = query.projects();
    if (projects != null && projects.isEmpty()) {
      return List.of();
    }
    List<Condition> all = new ArrayList<>();
    if (projects != null) {
      all.add(RunReader.oneOf(VOLUME.PROJECT_ID, projects.stream().map(ProjectId::value).toList()));
    }
    if (query.onlyActive()) {
      all.add(VOLUME.DELETED_AT.isNull());
    }
    if (query.prevCreatedAt() != null) {
      VolumeId prev = query.prevId();
      all.add(
          Keyset.after(
              VOLUME.CREATED_AT,
              VOLUME.ID,
              query.prevCreatedAt(),
              prev == null ? null : prev.value(),
              query.ascending()));
    }
    return read(DSL.and(all), query.limit(), query.ascending());
  }

  /** The volume of that name that is not deleted. */
  public Optional<VolumeRow> get(ProjectId project, String name) {
    return read(
            DSL.and(
                VOLUME.PROJECT_ID.eq(project.value()),
                VOLUME.NAME.eq(name),
                VOLUME.DELETED_AT.isNull()),
            1,
            false)
        .stream()
        .findFirst();
  }

  private List<VolumeRow> read(Condition condition, int limit, boolean ascending) {
    return database.read(
        dsl ->
            dsl
                .select(FIELDS)
                .from(VOLUME)
                .join(PROJECT)
                .on(PROJECT.ID.eq(VOLUME.PROJECT_ID))
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(VOLUME.USER_ID))
                .leftJoin(VOLUME_VIEW)
                .on(VOLUME_VIEW.ID.eq(VOLUME.ID))
                .where(condition)
                .orderBy(
                    ascending
                        ? List.of(VOLUME.CREATED_AT.asc(), VOLUME.ID.asc())
                        : List.of(VOLUME.CREATED_AT.desc(), VOLUME.ID.desc()))
                .limit(DSL.inline(limit))
                .fetch()
                .stream()
                .map(VolumeReader::volume)
                .toList());
  }

  private static VolumeRow volume(Record row) {
    VolumeId id = new VolumeId(row.get(VOLUME.ID));
    ProjectId project = new ProjectId(row.get(VOLUME.PROJECT_ID));
    Long revision = row.get(VOLUME_VIEW.REVISION);
    return new VolumeRow(
        id,
        project,
        row.get(PROJECT.NAME),
        row.get(USER_ACCOUNT.USERNAME),
        row.get(VOLUME.NAME),
        row.get(VOLUME.CONFIGURATION).data(),
        row.get(VOLUME.PLAN).data(),
        row.get(VOLUME.CREATED_AT),
        row.get(VOLUME.DELETE_REQUESTED_AT) != null,
        row.get(VOLUME.DELETED_AT),
        revision == null
            ? null
            : new VolumeViewRow(
                id,
                project,
                row.get(VOLUME.NAME),
                revision,
                RunReader.known(STATUS, row.get(VOLUME_VIEW.STATUS)),
                row.get(VOLUME_VIEW.STATUS_MESSAGE),
                row.get(VOLUME_VIEW.PROVIDER_ID),
                row.get(VOLUME_VIEW.SIZE_GB),
                row.get(VOLUME_VIEW.AVAILABILITY_ZONE),
                row.get(VOLUME_VIEW.PRICE),
                row.get(VOLUME_VIEW.ATTACHMENTS).data(),
                row.get(VOLUME.CREATED_AT),
                row.get(VOLUME_VIEW.AT),
                row.get(VOLUME_VIEW.DELETED_AT)));
  }
}
