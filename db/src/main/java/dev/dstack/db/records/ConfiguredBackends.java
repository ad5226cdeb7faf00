package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.BACKEND;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.util.List;
import java.util.Map;

/** Which project has which backends, over all projects that are not deleted. */
public final class ConfiguredBackends {
  private ConfiguredBackends() {}

  public static List<Map.Entry<ProjectId, BackendType>> all(Database database) {
    return database.read(
        dsl ->
            dsl.select(BACKEND.PROJECT_ID, BACKEND.TYPE)
                .from(BACKEND)
                .join(PROJECT)
                .on(PROJECT.ID.eq(BACKEND.PROJECT_ID))
                .where(PROJECT.DELETED_AT.isNull())
                .orderBy(BACKEND.PROJECT_ID, BACKEND.TYPE)
                .fetch(
                    row -> Map.entry(new ProjectId(row.value1()), new BackendType(row.value2()))));
  }
}
