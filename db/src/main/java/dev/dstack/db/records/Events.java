package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.ENTITY_EVENT;
import static dev.dstack.db.jooq.generated.records.Tables.ENTITY_EVENT_TARGET;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.records.tables.records.EntityEventTargetRecord;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jooq.DSLContext;

/** Writes the timeline; reading it is {@link dev.dstack.db.views.EventReader}'s. */
public final class Events {
  private Events() {}

  /** In the caller's transaction, so that a thing and its event happen together or not at all. */
  public static void write(DSLContext dsl, List<NewEvent> events) {
    List<EntityEventTargetRecord> targets = new ArrayList<>();
    for (NewEvent event : events) {
      NewEvent.Source source = event.source();
      UUID id = source == null ? UUID.randomUUID() : idOf(source);
      // What one revision brought happened in an order, and is read back by time.
      Instant at =
          Clean.instant(event.at()).plus(source == null ? 0 : source.ordinal(), ChronoUnit.MICROS);
      int written =
          dsl.insertInto(ENTITY_EVENT)
              .set(ENTITY_EVENT.ID, id)
              .set(ENTITY_EVENT.RECORDED_AT, at)
              .set(ENTITY_EVENT.MESSAGE, Clean.text(event.message()))
              .set(ENTITY_EVENT.ACTOR_USER_ID, event.actor() == null ? null : event.actor().value())
              .set(ENTITY_EVENT.ENTITY_TYPE, source == null ? null : source.entityType())
              .set(ENTITY_EVENT.ENTITY_ID, source == null ? null : source.entityId())
              .set(ENTITY_EVENT.REVISION, source == null ? null : source.revision())
              .set(ENTITY_EVENT.ORDINAL, source == null ? null : source.ordinal())
              .onConflictDoNothing()
              .execute();
      if (written == 0) {
        continue;
      }
      int ordinal = 0;
      for (NewEvent.Target target : event.targets()) {
        targets.add(
            new EntityEventTargetRecord(
                id,
                ordinal++,
                at,
                target.type(),
                target.id(),
                Clean.text(target.name()),
                target.project() == null ? null : target.project().value()));
      }
    }
    if (!targets.isEmpty()) {
      dsl.insertInto(ENTITY_EVENT_TARGET)
          .columns(ENTITY_EVENT_TARGET.fields())
          .valuesOfRecords(targets)
          .execute();
    }
  }

  /** Forgets what is older; in pieces, so that no lock is held for long. */
  public static int deleteBefore(Database database, Instant before) {
    int deleted = 0;
    while (true) {
      int piece =
          database.read(
              dsl ->
                  dsl.deleteFrom(ENTITY_EVENT)
                      .where(
                          ENTITY_EVENT.ID.in(
                              dsl.select(ENTITY_EVENT.ID)
                                  .from(ENTITY_EVENT)
                                  .where(ENTITY_EVENT.RECORDED_AT.lt(before))
                                  .orderBy(ENTITY_EVENT.RECORDED_AT)
                                  .limit(1_000)))
                      .execute());
      deleted += piece;
      if (piece < 1_000) {
        return deleted;
      }
    }
  }

  /** The same event of a workflow has the same id, whoever writes it. */
  private static UUID idOf(NewEvent.Source source) {
    String name =
        source.entityType()
            + ":"
            + source.entityId()
            + ":"
            + source.revision()
            + ":"
            + source.ordinal();
    return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
  }
}
