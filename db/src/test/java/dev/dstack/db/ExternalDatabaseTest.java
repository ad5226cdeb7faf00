package dev.dstack.db;

import static dev.dstack.db.jooq.generated.views.Tables.RUN_VIEW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.embedded.EmbeddedPostgres;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.Test;

/** A database that somebody else runs: one URL, a login that is no superuser. */
class ExternalDatabaseTest {
  @Test
  void aLoginThatMayCreateRolesIsEnough() throws Exception {
    try (EmbeddedPostgres fresh = TestDatabase.start()) {
      sql(fresh, "create role owner_a login createrole password 'p'");
      sql(fresh, "create database a owner owner_a");
      DatabaseUrl url = url(fresh, "owner_a", "a");
      Database.migrate(url);
      Database.migrate(url);
      assertEachToItsOwn(url);
    }
  }

  @Test
  void aSecondInstallationInTheSameClusterIsToldWhatItNeeds() throws Exception {
    EmbeddedPostgres cluster = TestDatabase.cluster();
    Database.migrate(TestDatabase.empty());
    sql(cluster, "create role owner_b login password 'p'");
    sql(cluster, "create database b owner owner_b");
    DatabaseUrl url = url(cluster, "owner_b", "b");
    assertThatThrownBy(() -> Database.migrate(url))
        .isInstanceOf(DstackException.class)
        .hasMessageContaining("GRANT dstack_api TO owner_b");

    sql(cluster, "grant dstack_api, dstack_worker to owner_b");
    Database.migrate(url);
    assertEachToItsOwn(url);
  }

  @Test
  void aDatabaseThatIsAwayIsSaidToBeAway() {
    DatabaseUrl url = DatabaseUrl.parse("postgresql://u:hunter2@127.0.0.1:9/d");
    assertThatThrownBy(() -> Database.migrate(url))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.DATABASE_DOWN))
        .hasMessageContaining("127.0.0.1:9")
        .hasMessageNotContaining("hunter2");
    try (Database away = Database.open(url, DatabaseRole.API, 1)) {
      assertThatThrownBy(() -> away.read(dsl -> dsl.fetchCount(RUN_VIEW)))
          .isInstanceOfSatisfying(
              DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.DATABASE_DOWN));
    }
  }

  private static void assertEachToItsOwn(DatabaseUrl url) {
    try (Database api = Database.open(url, DatabaseRole.API, 1);
        Database worker = Database.open(url, DatabaseRole.WORKER, 1)) {
      assertThat(api.dsl().fetchCount(RUN_VIEW)).isZero();
      assertThat(worker.dsl().deleteFrom(RUN_VIEW).execute()).isZero();
      assertThatThrownBy(() -> api.dsl().deleteFrom(RUN_VIEW).execute())
          .isInstanceOf(DataAccessException.class)
          .hasMessageContaining("permission denied");
    }
  }

  private static DatabaseUrl url(EmbeddedPostgres cluster, String user, String database) {
    return DatabaseUrl.parse(
        "postgresql://%s:p@%s:%d/%s".formatted(user, cluster.host(), cluster.port(), database));
  }

  private static void sql(EmbeddedPostgres cluster, String statement) throws SQLException {
    try (Connection connection = cluster.connect("postgres");
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }
}
