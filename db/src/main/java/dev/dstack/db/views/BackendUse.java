package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import java.util.ArrayList;
import java.util.List;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.impl.DSL;

/** What of a project needs a backend's credentials, so that it can be ended one day. */
public final class BackendUse {
  private static final int NAMED = 20;

  private BackendUse() {}

  /** Such as {@code instance fleet-0}; empty: nothing, and the backend may go. */
  public static List<String> of(Database database, ProjectId project, String backend) {
    return database.read(
        dsl -> {
          List<String> uses = new ArrayList<>();
          dsl.select(INSTANCE_VIEW.NAME)
              .from(INSTANCE_VIEW)
              .where(INSTANCE_VIEW.PROJECT_ID.eq(project.value()))
              .and(INSTANCE_VIEW.STATUS.ne("terminated"))
              .and(backendOf(INSTANCE_VIEW.OFFER).eq(backend))
              .orderBy(INSTANCE_VIEW.NAME)
              .limit(NAMED)
              .fetch(row -> uses.add("instance " + row.value1()));
          dsl.select(VOLUME.NAME)
              .from(VOLUME)
              .where(VOLUME.PROJECT_ID.eq(project.value()))
              .and(VOLUME.DELETED_AT.isNull())
              // Not the configuration's: a file names a cloud also for the server's own machine.
              .and(backendOf(VOLUME.PLAN).eq(backend))
              .orderBy(VOLUME.NAME)
              .limit(NAMED)
              .fetch(row -> uses.add("volume " + row.value1()));
          return uses;
        });
  }

  private static Field<String> backendOf(Field<JSONB> json) {
    return DSL.jsonbGetAttributeAsText(json, "backend");
  }
}
