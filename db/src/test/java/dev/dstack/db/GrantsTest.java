package dev.dstack.db;

import static dev.dstack.db.jooq.generated.records.Tables.DEPLOYMENT;
import static dev.dstack.db.jooq.generated.records.Tables.INSTANCE_MACHINE;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.SETTING;
import static dev.dstack.db.jooq.generated.views.Tables.BACKEND_OFFER;
import static dev.dstack.db.jooq.generated.views.Tables.RUN_VIEW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.db.jooq.generated.views.Views;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jooq.JSONB;
import org.jooq.Table;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** PostgreSQL itself keeps each part to what it owns. */
class GrantsTest {
  private static Database api;
  private static Database worker;

  @BeforeAll
  static void open() {
    DatabaseUrl url = TestDatabase.migrated();
    Database.migrate(url);
    api = Database.open(url, DatabaseRole.API, 2);
    worker = Database.open(url, DatabaseRole.WORKER, 2);
  }

  @AfterAll
  static void close() {
    api.close();
    worker.close();
  }

  @Test
  void theApiReadsEveryViewAndWritesNone() {
    for (Table<?> view : Views.VIEWS.getTables()) {
      assertThat(api.dsl().fetchCount(view)).as(view.getName()).isZero();
      assertRefused(() -> api.dsl().deleteFrom(view).execute());
      assertRefused(() -> api.dsl().execute("update " + name(view) + " set " + anyColumn(view)));
    }
    assertRefused(
        () ->
            api.dsl()
                .insertInto(BACKEND_OFFER)
                .values(UUID.randomUUID(), "local", JSONB.valueOf("[]"), null, Fixture.START)
                .execute());
    assertRefused(() -> api.dsl().truncate(RUN_VIEW).execute());
  }

  @Test
  void theApiSeesNoAgentTokens() {
    assertRefused(() -> api.dsl().fetchCount(INSTANCE_MACHINE));
  }

  @Test
  void theWorkerWritesViewsAndReadsRecords() {
    int written =
        worker
            .dsl()
            .insertInto(BACKEND_OFFER)
            .values(UUID.randomUUID(), "local", JSONB.valueOf("[]"), null, Fixture.START)
            .execute();
    assertThat(written).isOne();
    worker.dsl().deleteFrom(BACKEND_OFFER).execute();
    assertThat(worker.dsl().fetchCount(RUN_SUBMISSION)).isZero();
    assertThat(
            worker
                .dsl()
                .update(RUN_SUBMISSION)
                .set(RUN_SUBMISSION.FINISHED_AT, Fixture.START)
                .execute())
        .isZero();
  }

  @Test
  void theWorkerChangesNoRecordThatIsNotItsOwn() {
    assertRefused(
        () -> worker.dsl().update(RUN_SUBMISSION).set(RUN_SUBMISSION.PRIORITY, 1).execute());
    assertRefused(() -> worker.dsl().deleteFrom(RUN_SUBMISSION).execute());
    assertRefused(() -> worker.dsl().deleteFrom(SETTING).execute());
    assertRefused(
        () ->
            worker
                .dsl()
                .insertInto(DEPLOYMENT)
                .values(UUID.randomUUID(), true, Fixture.START)
                .execute());
  }

  private static String name(Table<?> table) {
    return table.getSchema().getName() + "." + table.getName();
  }

  private static String anyColumn(Table<?> table) {
    String column = table.field(0).getName();
    return column + " = " + column;
  }

  private static void assertRefused(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            DataAccessException.class, e -> assertThat(e.sqlState()).isEqualTo("42501"));
  }
}
