package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.ENTITY_EVENT;
import static dev.dstack.db.jooq.generated.records.Tables.ENTITY_EVENT_TARGET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.records.tables.EntityEventTarget;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** The timeline. A list is two queries: which events, and the targets of these. */
public final class EventReader {
  private static final EntityEventTarget T = ENTITY_EVENT_TARGET;

  private final Database database;

  public EventReader(Database database) {
    this.database = database;
  }

  public List<EventRow> list(EventQuery query) {
    if (isEmpty(query)) {
      return List.of();
    }
    return database.read(
        dsl -> {
          List<UUID> ids = new ArrayList<>();
          for (Record row : select(dsl, query).fetch()) {
            ids.add(row.get(T.EVENT_ID));
          }
          return load(dsl, ids);
        });
  }

  private static boolean isEmpty(EventQuery query) {
    EventQuery.Visible visible = query.visible();
    EventQuery.Targets targets = query.targets();
    return (visible != null && visible.projects().isEmpty() && visible.users().isEmpty())
        || (targets != null && targets.ids().isEmpty());
  }

  /** An event has several targets and counts once. */
  static org.jooq.Select<?> select(DSLContext dsl, EventQuery query) {
    return dsl.select(T.EVENT_ID, T.RECORDED_AT)
        .from(T)
        .where(condition(query))
        .groupBy(T.RECORDED_AT, T.EVENT_ID)
        .orderBy(
            query.ascending()
                ? List.of(T.RECORDED_AT.asc(), T.EVENT_ID.asc())
                : List.of(T.RECORDED_AT.desc(), T.EVENT_ID.desc()))
        .limit(DSL.inline(query.limit()));
  }

  private static Condition condition(EventQuery query) {
    List<Condition> all = new ArrayList<>();
    EventQuery.Visible visible = query.visible();
    if (visible != null) {
      List<Condition> any = new ArrayList<>();
      if (!visible.projects().isEmpty()) {
        any.add(projects(visible.projects()));
      }
      if (!visible.users().isEmpty()) {
        any.add(
            DSL.and(
                T.TYPE.eq("user"),
                RunReader.oneOf(T.ID, visible.users().stream().map(UserId::value).toList())));
      }
      all.add(DSL.or(any));
    }
    EventQuery.Targets targets = query.targets();
    if (targets != null) {
      all.add(T.TYPE.eq(targets.type()));
      all.add(RunReader.oneOf(T.ID, List.copyOf(targets.ids())));
    }
    EventQuery.Within within = query.within();
    if (within != null) {
      all.add(within(within));
    }
    if (query.targetTypes() != null) {
      all.add(T.TYPE.in(query.targetTypes()));
    }
    List<@Nullable UserId> actors = query.actors();
    if (actors != null) {
      all.add(
          DSL.exists(
              DSL.selectOne()
                  .from(ENTITY_EVENT)
                  .where(ENTITY_EVENT.ID.eq(T.EVENT_ID), actors(actors))));
    }
    if (query.prevRecordedAt() != null) {
      all.add(
          Keyset.after(
              T.RECORDED_AT,
              T.EVENT_ID,
              query.prevRecordedAt(),
              query.prevId(),
              query.ascending()));
    }
    return DSL.and(all);
  }

  private static Condition within(EventQuery.Within within) {
    return switch (within) {
      case EventQuery.Within.Projects(Collection<ProjectId> projects) -> projects(projects);
      case EventQuery.Within.Fleets(Collection<FleetId> fleets) -> {
        List<UUID> ids = fleets.stream().map(FleetId::value).toList();
        yield T.ID.in(withOwn(ids, INSTANCE_VIEW.ID, INSTANCE_VIEW.FLEET_ID));
      }
      case EventQuery.Within.Runs(Collection<RunId> runs) -> {
        List<UUID> ids = runs.stream().map(RunId::value).toList();
        yield T.ID.in(withOwn(ids, JOB_VIEW.ID, JOB_VIEW.RUN_ID));
      }
    };
  }

  /** These, and the rows that name one of them as their owner. */
  private static org.jooq.Select<org.jooq.Record1<UUID>> withOwn(
      List<UUID> owners, org.jooq.TableField<?, UUID> id, org.jooq.TableField<?, UUID> owner) {
    Field<UUID[]> array = DSL.val(owners.toArray(UUID[]::new));
    return DSL.select(DSL.field("unnest({0})", UUID.class, array))
        .unionAll(DSL.select(id).from(id.getTable()).where(owner.eq(DSL.any(array))));
  }

  private static Condition projects(Collection<ProjectId> projects) {
    return RunReader.oneOf(T.PROJECT_ID, projects.stream().map(ProjectId::value).toList());
  }

  private static Condition actors(List<@Nullable UserId> actors) {
    List<UUID> users = actors.stream().filter(Objects::nonNull).map(user -> user.value()).toList();
    Condition named = ENTITY_EVENT.ACTOR_USER_ID.in(users);
    return users.size() < actors.size() ? named.or(ENTITY_EVENT.ACTOR_USER_ID.isNull()) : named;
  }

  private static List<EventRow> load(DSLContext dsl, List<UUID> ids) {
    if (ids.isEmpty()) {
      return List.of();
    }
    Map<UUID, EventRow> byId = new HashMap<>();
    Map<UUID, List<EventRow.Target>> targets = new HashMap<>();
    for (Record row :
        dsl.select(
                ENTITY_EVENT.ID,
                ENTITY_EVENT.RECORDED_AT,
                ENTITY_EVENT.MESSAGE,
                ENTITY_EVENT.ACTOR_USER_ID,
                USER_ACCOUNT.USERNAME,
                USER_ACCOUNT.DELETED_AT,
                T.TYPE,
                T.ID,
                T.NAME,
                T.PROJECT_ID,
                PROJECT.NAME,
                PROJECT.DELETED_AT)
            .from(ENTITY_EVENT)
            .join(T)
            .on(T.EVENT_ID.eq(ENTITY_EVENT.ID))
            .leftJoin(USER_ACCOUNT)
            .on(USER_ACCOUNT.ID.eq(ENTITY_EVENT.ACTOR_USER_ID))
            .leftJoin(PROJECT)
            .on(PROJECT.ID.eq(T.PROJECT_ID))
            .where(ENTITY_EVENT.ID.eq(DSL.any(DSL.val(ids.toArray(UUID[]::new)))))
            .orderBy(T.EVENT_ID, T.ORDINAL)
            .fetch()) {
      UUID id = row.get(ENTITY_EVENT.ID);
      byId.computeIfAbsent(id, _ -> event(id, row));
      targets.computeIfAbsent(id, _ -> new ArrayList<>()).add(target(row));
    }
    List<EventRow> events = new ArrayList<>();
    for (UUID id : ids) {
      EventRow event = byId.get(id);
      // Old events are deleted while others read.
      if (event != null) {
        events.add(
            new EventRow(
                id,
                event.recordedAt(),
                event.message(),
                event.actor(),
                targets.getOrDefault(id, List.of())));
      }
    }
    return events;
  }

  private static EventRow event(UUID id, Record row) {
    UUID actor = row.get(ENTITY_EVENT.ACTOR_USER_ID);
    return new EventRow(
        id,
        row.get(ENTITY_EVENT.RECORDED_AT),
        row.get(ENTITY_EVENT.MESSAGE),
        actor == null
            ? null
            : new EventRow.Actor(
                new UserId(actor),
                row.get(USER_ACCOUNT.USERNAME),
                row.get(USER_ACCOUNT.DELETED_AT) != null),
        List.of());
  }

  private static EventRow.Target target(Record row) {
    UUID project = row.get(T.PROJECT_ID);
    return new EventRow.Target(
        row.get(T.TYPE),
        row.get(T.ID),
        row.get(T.NAME),
        project == null || row.get(PROJECT.NAME) == null
            ? null
            : new EventRow.Project(
                new ProjectId(project),
                row.get(PROJECT.NAME),
                row.get(PROJECT.DELETED_AT) != null));
  }
}
