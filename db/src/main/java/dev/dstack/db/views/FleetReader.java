package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.views.Tables.FLEET_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.impl.DSL;

/** Fleets with their instances as they are shown. A list is three queries. */
public final class FleetReader {
  private static final Map<String, FleetStatus> STATUS =
      RunReader.byWire(FleetStatus.values(), FleetStatus::wire);

  private static final List<SelectField<?>> FIELDS =
      List.of(
          FLEET.ID,
          FLEET.PROJECT_ID,
          PROJECT.NAME,
          FLEET.NAME,
          FLEET.SPEC,
          FLEET.PLAN,
          FLEET.CREATED_AT,
          FLEET.DELETE_REQUESTED_AT,
          FLEET.DELETED_AT,
          FLEET_VIEW.REVISION,
          FLEET_VIEW.STATUS,
          FLEET_VIEW.STATUS_MESSAGE,
          FLEET_VIEW.AT);

  private final Database database;

  public FleetReader(Database database) {
    this.database = database;
  }

  public List<FleetRow> list(FleetQuery query) {
    if (query.projects() != null && query.projects().isEmpty()) {
      return List.of();
    }
    return read(condition(query), query.limit(), query.ascending());
  }

  /** The fleet of that name that is not deleted. */
  public Optional<FleetRow> get(ProjectId project, String name) {
    return read(
            DSL.and(
                FLEET.PROJECT_ID.eq(project.value()),
                FLEET.NAME.eq(name),
                FLEET.DELETED_AT.isNull()),
            1,
            false)
        .stream()
        .findFirst();
  }

  public Optional<FleetRow> get(FleetId fleet) {
    return read(FLEET.ID.eq(fleet.value()), 1, false).stream().findFirst();
  }

  /** The names of the runs that these jobs are of. */
  public List<String> runsOf(List<JobId> jobs) {
    return database.read(
        dsl ->
            dsl.selectDistinct(RUN_SUBMISSION.RUN_NAME)
                .from(JOB_VIEW)
                .join(RUN_SUBMISSION)
                .on(RUN_SUBMISSION.ID.eq(JOB_VIEW.RUN_ID))
                .where(RunReader.oneOf(JOB_VIEW.ID, jobs.stream().map(JobId::value).toList()))
                .orderBy(RUN_SUBMISSION.RUN_NAME)
                .fetch(RUN_SUBMISSION.RUN_NAME));
  }

  /** A fleet that names hosts of its own. */
  public record OfHosts(ProjectId project, String name, String specJson) {}

  /** Those of all projects that are not deleted. */
  public List<OfHosts> ofHosts() {
    return database.read(
        dsl ->
            dsl.select(FLEET.PROJECT_ID, FLEET.NAME, FLEET.SPEC)
                .from(FLEET)
                .where(FLEET.DELETED_AT.isNull())
                .and(DSL.jsonbGetAttributeAsText(FLEET.PLAN, "backend").eq(BackendType.SSH.name()))
                .fetch(
                    row ->
                        new OfHosts(
                            new ProjectId(row.value1()), row.value2(), row.value3().data())));
  }

  private List<FleetRow> read(Condition condition, int limit, boolean ascending) {
    return database.read(
        dsl -> {
          List<? extends Record> rows = select(dsl, condition, limit, ascending).fetch();
          if (rows.isEmpty()) {
            return List.of();
          }
          Map<UUID, List<InstanceRow>> instances = new HashMap<>();
          for (InstanceRow instance :
              InstanceReader.ofFleets(
                  dsl, rows.stream().map(row -> row.get(FLEET.ID)).toList(), true)) {
            instances
                .computeIfAbsent(instance.view().fleet().value(), _ -> new ArrayList<>())
                .add(instance);
          }
          List<FleetRow> fleets = new ArrayList<>();
          for (Record row : rows) {
            fleets.add(fleet(row, instances.getOrDefault(row.get(FLEET.ID), List.of())));
          }
          return fleets;
        });
  }

  static org.jooq.Select<?> select(
      DSLContext dsl, Condition condition, int limit, boolean ascending) {
    return dsl.select(FIELDS)
        .from(FLEET)
        .join(PROJECT)
        .on(PROJECT.ID.eq(FLEET.PROJECT_ID))
        .leftJoin(FLEET_VIEW)
        .on(FLEET_VIEW.ID.eq(FLEET.ID))
        .where(condition)
        .orderBy(
            ascending
                ? List.of(FLEET.CREATED_AT.asc(), FLEET.ID.asc())
                : List.of(FLEET.CREATED_AT.desc(), FLEET.ID.desc()))
        .limit(DSL.inline(limit));
  }

  static Condition condition(FleetQuery query) {
    List<Condition> all = new ArrayList<>();
    if (query.projects() != null) {
      all.add(
          RunReader.oneOf(
              FLEET.PROJECT_ID, query.projects().stream().map(ProjectId::value).toList()));
    }
    if (query.onlyActive()) {
      all.add(FLEET.DELETED_AT.isNull());
    }
    if (query.prevCreatedAt() != null) {
      FleetId prev = query.prevId();
      all.add(
          Keyset.after(
              FLEET.CREATED_AT,
              FLEET.ID,
              query.prevCreatedAt(),
              prev == null ? null : prev.value(),
              query.ascending()));
    }
    return DSL.and(all);
  }

  private static FleetRow fleet(Record row, List<InstanceRow> instances) {
    FleetId id = new FleetId(row.get(FLEET.ID));
    ProjectId project = new ProjectId(row.get(FLEET.PROJECT_ID));
    Long revision = row.get(FLEET_VIEW.REVISION);
    return new FleetRow(
        id,
        project,
        row.get(PROJECT.NAME),
        row.get(FLEET.NAME),
        row.get(FLEET.SPEC).data(),
        row.get(FLEET.PLAN).data(),
        row.get(FLEET.CREATED_AT),
        row.get(FLEET.DELETE_REQUESTED_AT),
        row.get(FLEET.DELETED_AT),
        revision == null
            ? null
            : new FleetViewRow(
                id,
                project,
                row.get(FLEET.NAME),
                revision,
                RunReader.known(STATUS, row.get(FLEET_VIEW.STATUS)),
                row.get(FLEET_VIEW.STATUS_MESSAGE),
                row.get(FLEET.CREATED_AT),
                row.get(FLEET_VIEW.AT)),
        instances);
  }
}
