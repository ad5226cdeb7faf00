package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_CLAIM;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;

import dev.dstack.db.Database;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.model.agent.HostHealth.Level;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.impl.DSL;

/** Instances as they are shown. A list is two queries. */
public final class InstanceReader {
  private static final Map<String, InstanceStatus> STATUS =
      RunReader.byWire(InstanceStatus.values(), InstanceStatus::wire);

  private final Database database;

  public InstanceReader(Database database) {
    this.database = database;
  }

  public List<InstanceRow> list(InstanceQuery query) {
    boolean none =
        (query.projects() != null && query.projects().isEmpty())
            || (query.fleets() != null && query.fleets().isEmpty());
    return none
        ? List.of()
        : database.read(
            dsl ->
                withClaims(
                    dsl, select(dsl, condition(query), query.limit(), query.ascending()).fetch()));
  }

  public Optional<InstanceRow> get(InstanceId id) {
    return database.read(
        dsl ->
            withClaims(dsl, select(dsl, INSTANCE_VIEW.ID.eq(id.value()), 1, false).fetch()).stream()
                .findFirst());
  }

  /** Instances of these fleets by number; ended ones only when asked for. */
  static List<InstanceRow> ofFleets(DSLContext dsl, List<UUID> fleets, boolean onlyActive) {
    Condition condition = INSTANCE_VIEW.FLEET_ID.eq(DSL.any(DSL.val(fleets.toArray(UUID[]::new))));
    return withClaims(
        dsl,
        dsl.select(INSTANCE_VIEW.fields())
            .select(PROJECT.NAME)
            .from(INSTANCE_VIEW)
            .leftJoin(PROJECT)
            .on(PROJECT.ID.eq(INSTANCE_VIEW.PROJECT_ID))
            .where(onlyActive ? condition.and(INSTANCE_VIEW.FINISHED_AT.isNull()) : condition)
            .orderBy(INSTANCE_VIEW.FLEET_ID, INSTANCE_VIEW.NUMBER, INSTANCE_VIEW.CREATED_AT)
            .fetch());
  }

  static org.jooq.Select<?> select(
      DSLContext dsl, Condition condition, int limit, boolean ascending) {
    return dsl.select(INSTANCE_VIEW.fields())
        .select(PROJECT.NAME)
        .from(INSTANCE_VIEW)
        .leftJoin(PROJECT)
        .on(PROJECT.ID.eq(INSTANCE_VIEW.PROJECT_ID))
        .where(condition)
        .orderBy(
            ascending
                ? List.of(INSTANCE_VIEW.CREATED_AT.asc(), INSTANCE_VIEW.ID.asc())
                : List.of(INSTANCE_VIEW.CREATED_AT.desc(), INSTANCE_VIEW.ID.desc()))
        .limit(DSL.inline(limit));
  }

  static Condition condition(InstanceQuery query) {
    List<Condition> all = new ArrayList<>();
    if (query.projects() != null) {
      all.add(
          RunReader.oneOf(
              INSTANCE_VIEW.PROJECT_ID, query.projects().stream().map(ProjectId::value).toList()));
    }
    if (query.fleets() != null) {
      all.add(
          RunReader.oneOf(
              INSTANCE_VIEW.FLEET_ID, query.fleets().stream().map(FleetId::value).toList()));
    }
    if (query.onlyActive()) {
      all.add(INSTANCE_VIEW.FINISHED_AT.isNull());
    }
    if (query.prevCreatedAt() != null) {
      InstanceId prev = query.prevId();
      all.add(
          Keyset.after(
              INSTANCE_VIEW.CREATED_AT,
              INSTANCE_VIEW.ID,
              query.prevCreatedAt(),
              prev == null ? null : prev.value(),
              query.ascending()));
    }
    return DSL.and(all);
  }

  private static List<InstanceRow> withClaims(DSLContext dsl, List<? extends Record> rows) {
    if (rows.isEmpty()) {
      return List.of();
    }
    UUID[] ids = rows.stream().map(row -> row.get(INSTANCE_VIEW.ID)).toArray(UUID[]::new);
    Map<UUID, List<ClaimRow>> claims = new HashMap<>();
    for (Record row :
        dsl.selectFrom(INSTANCE_CLAIM)
            .where(INSTANCE_CLAIM.INSTANCE_ID.eq(DSL.any(DSL.val(ids))))
            .orderBy(INSTANCE_CLAIM.CLAIMED_AT, INSTANCE_CLAIM.JOB_ID)
            .fetch()) {
      claims
          .computeIfAbsent(row.get(INSTANCE_CLAIM.INSTANCE_ID), _ -> new ArrayList<>())
          .add(
              new ClaimRow(
                  new JobId(row.get(INSTANCE_CLAIM.JOB_ID)),
                  new InstanceId(row.get(INSTANCE_CLAIM.INSTANCE_ID)),
                  row.get(INSTANCE_CLAIM.BLOCKS),
                  row.get(INSTANCE_CLAIM.TOTAL_BLOCKS),
                  row.get(INSTANCE_CLAIM.TAKEN).data()));
    }
    Map<UUID, String> plans = new HashMap<>();
    UUID[] fleets =
        rows.stream().map(row -> row.get(INSTANCE_VIEW.FLEET_ID)).distinct().toArray(UUID[]::new);
    for (Record row :
        dsl.select(FLEET.ID, FLEET.PLAN)
            .from(FLEET)
            .where(FLEET.ID.eq(DSL.any(DSL.val(fleets))))
            .fetch()) {
      plans.put(row.get(FLEET.ID), row.get(FLEET.PLAN).data());
    }
    Map<InstanceId, Level> levels = HostChecks.latest(dsl, List.of(ids));
    List<InstanceRow> instances = new ArrayList<>();
    for (Record row : rows) {
      instances.add(
          new InstanceRow(
              view(row),
              row.get(PROJECT.NAME),
              claims.getOrDefault(row.get(INSTANCE_VIEW.ID), List.of()),
              plans.get(row.get(INSTANCE_VIEW.FLEET_ID)),
              levels.getOrDefault(new InstanceId(row.get(INSTANCE_VIEW.ID)), Level.HEALTHY)));
    }
    return instances;
  }

  private static InstanceViewRow view(Record row) {
    return new InstanceViewRow(
        new InstanceId(row.get(INSTANCE_VIEW.ID)),
        new ProjectId(row.get(INSTANCE_VIEW.PROJECT_ID)),
        new FleetId(row.get(INSTANCE_VIEW.FLEET_ID)),
        row.get(INSTANCE_VIEW.FLEET_NAME),
        row.get(INSTANCE_VIEW.NUMBER),
        row.get(INSTANCE_VIEW.NAME),
        row.get(INSTANCE_VIEW.REVISION),
        RunReader.known(STATUS, row.get(INSTANCE_VIEW.STATUS)),
        HostState.valueOf(row.get(INSTANCE_VIEW.HOST)),
        row.get(INSTANCE_VIEW.TERMINATION_REASON),
        row.get(INSTANCE_VIEW.TERMINATION_REASON_MESSAGE),
        row.get(INSTANCE_VIEW.OFFER).data(),
        row.get(INSTANCE_VIEW.PROVIDER_ID),
        row.get(INSTANCE_VIEW.HOSTNAME),
        row.get(INSTANCE_VIEW.CREATED_AT),
        row.get(INSTANCE_VIEW.AT),
        row.get(INSTANCE_VIEW.FINISHED_AT));
  }
}
