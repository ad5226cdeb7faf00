package dev.dstack.db.metrics;

import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_HEALTH;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.views.tables.records.InstanceHealthRecord;
import dev.dstack.db.jooq.generated.views.tables.records.InstanceViewRecord;
import dev.dstack.db.records.Events;
import dev.dstack.db.records.NewEvent;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostHealth.Level;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/** How the accelerators of instances are. Workers write it, everybody reads. */
public final class HostChecks {
  private static final int PIECE = 5_000;

  private final Database database;

  public HostChecks(Database database) {
    this.database = database;
  }

  /**
   * Keeps it, together with an event when it is another level than the last time. The first one is
   * compared with a healthy host.
   */
  public void write(InstanceId instance, HostCheck check) {
    database.transaction(
        dsl -> {
          Level before =
              latest(dsl, List.of(instance.value())).getOrDefault(instance, Level.HEALTHY);
          Level now = check.health().level();
          int written =
              dsl.insertInto(INSTANCE_HEALTH)
                  .set(INSTANCE_HEALTH.INSTANCE_ID, instance.value())
                  .set(INSTANCE_HEALTH.AT, Clean.instant(check.at()))
                  .set(INSTANCE_HEALTH.LEVEL, now.name())
                  .set(
                      INSTANCE_HEALTH.INCIDENTS,
                      check.health().incidents().stream().map(Clean::text).toArray(String[]::new))
                  .onConflictDoNothing()
                  .execute();
          if (written > 0 && before != now) {
            changed(dsl, instance, before, check);
          }
        });
  }

  private static void changed(DSLContext dsl, InstanceId instance, Level before, HostCheck check) {
    InstanceViewRecord row = dsl.fetchOne(INSTANCE_VIEW, INSTANCE_VIEW.ID.eq(instance.value()));
    if (row == null) {
      return;
    }
    String incidents = String.join("; ", check.health().incidents());
    Events.write(
        dsl,
        List.of(
            NewEvent.of(
                check.at(),
                "Instance health changed "
                    + wire(before)
                    + " -> "
                    + wire(check.health().level())
                    + (incidents.isEmpty() ? "" : " (" + incidents + ")"),
                null,
                new NewEvent.Target(
                    "instance",
                    instance.value(),
                    row.getName(),
                    new ProjectId(row.getProjectId())))));
  }

  private static String wire(Level level) {
    return level.name().toLowerCase(Locale.ROOT);
  }

  /** The latest first; none of an instance that nobody looks after. */
  public List<HostCheck> of(
      InstanceId instance, @Nullable Instant after, @Nullable Instant before, int limit) {
    Condition wanted = INSTANCE_HEALTH.INSTANCE_ID.eq(instance.value());
    if (after != null) {
      wanted = wanted.and(INSTANCE_HEALTH.AT.gt(Clean.instant(after)));
    }
    if (before != null) {
      wanted = wanted.and(INSTANCE_HEALTH.AT.lt(Clean.instant(before)));
    }
    Condition all = wanted;
    return database.read(
        dsl ->
            dsl.selectFrom(INSTANCE_HEALTH)
                .where(all)
                .orderBy(INSTANCE_HEALTH.AT.desc())
                .limit(limit)
                .fetch(HostChecks::check));
  }

  private static HostCheck check(InstanceHealthRecord row) {
    return new HostCheck(
        row.getAt(),
        new HostHealth(Level.valueOf(row.getLevel()), Arrays.asList(row.getIncidents())));
  }

  /** What was said last of those of whom anything was said: one look at the index for each. */
  public static Map<InstanceId, Level> latest(DSLContext dsl, List<UUID> instances) {
    Table<?> asked = DSL.unnest(instances.toArray(UUID[]::new)).as("asked", "id");
    Field<UUID> id = DSL.field(DSL.name("asked", "id"), SQLDataType.UUID);
    Field<String> level =
        DSL.field(
            dsl.select(INSTANCE_HEALTH.LEVEL)
                .from(INSTANCE_HEALTH)
                .where(INSTANCE_HEALTH.INSTANCE_ID.eq(id))
                .orderBy(INSTANCE_HEALTH.AT.desc())
                .limit(1));
    Map<InstanceId, Level> levels = new HashMap<>();
    dsl.select(id, level)
        .from(asked)
        .fetch()
        .forEach(
            row -> {
              if (row.value2() != null) {
                levels.put(new InstanceId(row.value1()), Level.valueOf(row.value2()));
              }
            });
    return levels;
  }

  /** Forgets what is older; in pieces, so that no lock is held for long. */
  public int expire(Instant before) {
    int deleted = 0;
    while (true) {
      int piece =
          database.read(
              dsl ->
                  dsl.deleteFrom(INSTANCE_HEALTH)
                      .where(
                          DSL.row(INSTANCE_HEALTH.INSTANCE_ID, INSTANCE_HEALTH.AT)
                              .in(
                                  dsl.select(INSTANCE_HEALTH.INSTANCE_ID, INSTANCE_HEALTH.AT)
                                      .from(INSTANCE_HEALTH)
                                      .where(INSTANCE_HEALTH.AT.lt(Clean.instant(before)))
                                      .limit(PIECE)))
                      .execute());
      deleted += piece;
      if (piece < PIECE) {
        return deleted;
      }
    }
  }
}
