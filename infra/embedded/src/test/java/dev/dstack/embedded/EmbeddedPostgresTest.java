package dev.dstack.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.embedded.PartStatus.State;
import dev.dstack.embedded.ProcFs.ProcessKey;
import dev.dstack.embedded.ProcFs.Signal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real PostgreSQL, started, stopped and killed. */
class EmbeddedPostgresTest {
  @TempDir Path directory;

  private final Path cache = EmbeddedPostgres.defaultCacheDirectory(System.getenv());

  private EmbeddedPostgres start() {
    return EmbeddedPostgres.start(
        directory, cache, RuntimeFile.open(directory.resolve("runtime.json")), Progress.log());
  }

  private static void execute(EmbeddedPostgres postgres, String sql) throws SQLException {
    try (Connection connection = postgres.connect("app");
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static long number(EmbeddedPostgres postgres, String sql) throws SQLException {
    try (Connection connection = postgres.connect("app");
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      assertThat(rows.next()).isTrue();
      return rows.getLong(1);
    }
  }

  private static void await(String what, java.util.function.BooleanSupplier condition) {
    assertThat(Waiting.until(Duration.ofSeconds(60), Duration.ofMillis(20), condition))
        .as(what)
        .isTrue();
  }

  @Test
  void keepsDataPortAndPasswordOverARestart() throws Exception {
    int port;
    try (EmbeddedPostgres first = start()) {
      port = first.port();
      first.createDatabase("app");
      first.createDatabase("app");
      execute(first, "create table fact (n int)");
      execute(first, "insert into fact values (42)");
      assertThat(first.status().state()).isEqualTo(State.RUNNING);
      assertThat(first.status().version()).isEqualTo("18.6");
    }
    assertThat(Ports.isFree(port)).isTrue();
    assertThat(ProcFs.standingIn(directory.resolve("postgres/data"))).isEmpty();
    try (EmbeddedPostgres second = start()) {
      assertThat(second.port()).isEqualTo(port);
      assertThat(number(second, "select n from fact")).isEqualTo(42);
    }
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(directory.resolve("postgres/password"))))
        .isEqualTo("rw-------");
  }

  @Test
  void isDurableAndListensOnLoopbackOnly() throws Exception {
    try (EmbeddedPostgres postgres = start()) {
      postgres.createDatabase("app");
      assertThat(
              number(
                  postgres,
                  """
                  select count(*) from pg_settings where (name, setting) in
                    (('fsync', 'on'), ('full_page_writes', 'on'), ('synchronous_commit', 'on'),
                     ('listen_addresses', '127.0.0.1'), ('unix_socket_directories', ''),
                     ('data_checksums', 'on'))
                  """))
          .isEqualTo(6);
      assertThatThrownBy(
              () ->
                  java.sql.DriverManager.getConnection(
                      postgres.jdbcUrl("app"), EmbeddedPostgres.USER, "guess"))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("password");
    }
  }

  @Test
  void comesBackWithAllDataWhenThePostmasterIsKilled() throws Exception {
    try (EmbeddedPostgres postgres = start()) {
      postgres.createDatabase("app");
      execute(postgres, "create table fact (n int)");
      execute(postgres, "insert into fact values (7)");
      ProcFs.signal(ProcFs.key(postgres.status().pid()).orElseThrow(), Signal.KILL);
      await("restarted", () -> postgres.status().restarts() == 1);
      await("serves again", () -> postgres.status().state() == State.RUNNING);
      assertThat(number(postgres, "select n from fact")).isEqualTo(7);
      assertThat(postgres.status().message()).contains("signal 9");
    }
  }

  @Test
  void comesBackWhenABackendThatComputesOutlivesThePostmaster() throws Exception {
    try (EmbeddedPostgres postgres = start()) {
      postgres.createDatabase("app");
      Thread busy =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      // Sleeps inside of one call, where the end of the postmaster is not noticed.
                      execute(
                          postgres,
                          "do $$ declare n bigint := 0; begin loop n := n + 1; end loop; end $$");
                    } catch (SQLException e) {
                      assertThat(e.getMessage()).isNotEmpty();
                    }
                  });
      await(
          "busy",
          () -> {
            try {
              return number(
                      postgres,
                      "select count(*) from pg_stat_activity where query like 'do %'"
                          + " and state = 'active'")
                  == 1;
            } catch (SQLException e) {
              return false;
            }
          });
      ProcFs.signal(ProcFs.key(postgres.status().pid()).orElseThrow(), Signal.KILL);
      await("restarted", () -> postgres.status().restarts() >= 1);
      await("serves again", () -> postgres.status().state() == State.RUNNING);
      assertThat(number(postgres, "select 1")).isEqualTo(1);
      busy.join();
    }
  }

  @Test
  void recoversByItselfWhenABackendIsKilled() throws Exception {
    try (EmbeddedPostgres postgres = start()) {
      postgres.createDatabase("app");
      try (Connection connection = postgres.connect("app");
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("select pg_backend_pid()")) {
        rows.next();
        ProcFs.signal(ProcFs.key(rows.getLong(1)).orElseThrow(), Signal.KILL);
      }
      await(
          "serves again",
          () -> {
            try {
              return number(postgres, "select 1") == 1;
            } catch (SQLException e) {
              return false;
            }
          });
      assertThat(postgres.status().restarts()).isZero();
    }
  }

  @Test
  void takesOverWhatAKilledServerLeft() throws Exception {
    EmbeddedPostgres lost = start();
    lost.createDatabase("app");
    long pid = lost.status().pid();
    try (EmbeddedPostgres next = start()) {
      assertThat(next.status().pid()).isEqualTo(pid);
      assertThat(next.status().message()).contains("taken over");
      assertThat(number(next, "select 1")).isEqualTo(1);
      lost.abandon();
      ProcFs.signal(ProcFs.key(pid).orElseThrow(), Signal.KILL);
      await("watched although not a child", () -> next.status().restarts() == 1);
      await("serves again", () -> next.status().state() == State.RUNNING);
      assertThat(number(next, "select 1")).isEqualTo(1);
    }
    assertThat(ProcFs.standingIn(directory.resolve("postgres/data"))).isEmpty();
  }

  @Test
  void stopsAnOrphanThatRunsWithOtherSettings() throws Exception {
    EmbeddedPostgres lost = start();
    lost.createDatabase("app");
    execute(lost, "create table fact (n int)");
    ProcessKey orphan = ProcFs.key(lost.status().pid()).orElseThrow();
    lost.abandon();
    Files.writeString(directory.resolve("postgres/data/custom.conf"), "max_connections = 60\n");
    try (EmbeddedPostgres next = start()) {
      assertThat(orphan.isAlive()).isFalse();
      assertThat(
              number(next, "select setting::int from pg_settings where name = 'max_connections'"))
          .isEqualTo(60);
      assertThat(number(next, "select count(*) from fact")).isZero();
    }
  }

  @Test
  void ignoresAPidFileWhoseNumberIsAnotherProgram() throws Exception {
    try (EmbeddedPostgres first = start()) {
      first.createDatabase("app");
    }
    Path data = directory.resolve("postgres/data");
    Files.writeString(
        data.resolve("postmaster.pid"),
        ProcessHandle.current().pid()
            + "\n"
            + data
            + "\n1\n"
            + Files.readString(directory.resolve("postgres/port"))
            + "\n127.0.0.1\n1 1\nready\n");
    try (EmbeddedPostgres second = start()) {
      assertThat(number(second, "select 1")).isEqualTo(1);
    }
  }

  @Test
  void takesAnotherPortWhenTheOldOneIsTaken() throws Exception {
    int port;
    try (EmbeddedPostgres first = start()) {
      port = first.port();
    }
    try (java.net.ServerSocket stranger = new java.net.ServerSocket(port, 1, Ports.loopback());
        EmbeddedPostgres second = start()) {
      assertThat(second.port()).isNotEqualTo(stranger.getLocalPort());
      second.createDatabase("app");
      assertThat(number(second, "select 1")).isEqualTo(1);
    }
  }

  @Test
  void saysWhereToLookWhenItCannotStart() throws IOException {
    try (EmbeddedPostgres first = start()) {
      assertThat(first.port()).isPositive();
    }
    Files.writeString(directory.resolve("postgres/data/custom.conf"), "shared_buffers = pears\n");
    assertThatThrownBy(this::start)
        .isInstanceOf(EmbeddedException.class)
        .hasMessageContaining("PostgreSQL has ended with status 1 while starting")
        .hasMessageContaining("logs/postgres.log")
        .hasMessageContaining("pears");
  }

  @Test
  void refusesDataOfAnotherMajorVersion() throws IOException {
    try (EmbeddedPostgres first = start()) {
      assertThat(first.port()).isPositive();
    }
    Files.writeString(directory.resolve("postgres/data/PG_VERSION"), "17\n");
    assertThatThrownBy(this::start)
        .isInstanceOf(EmbeddedException.class)
        .hasMessageContaining("was written by PostgreSQL 17")
        .hasMessageContaining("DSTACK_DATABASE_URL");
  }

  @Test
  void temporaryOnesLeaveNothingBehind() throws Exception {
    ProcessKey process;
    Path own = Files.createDirectory(directory.resolve("own"));
    try (EmbeddedPostgres postgres = EmbeddedPostgres.startTemporary(own)) {
      process = ProcFs.key(postgres.status().pid()).orElseThrow();
      postgres.createDatabase("app");
      assertThat(
              number(
                  postgres,
                  "select count(*) from pg_settings where name = 'fsync'" + " and setting = 'off'"))
          .isEqualTo(1);
    }
    assertThat(process.isAlive()).isFalse();
    assertThat(own).doesNotExist();
  }

  @Test
  void aSecondServerOnTheDirectoryIsRefused() {
    try (ServerLock first = ServerLock.take(directory)) {
      assertThat(first).isNotNull();
      assertThatThrownBy(() -> ServerLock.take(directory))
          .isInstanceOf(EmbeddedException.class)
          .hasMessageContaining("process " + ProcessHandle.current().pid())
          .hasMessageContaining("DSTACK_SERVER_DIR");
    }
    ServerLock.take(directory).close();
  }

  @Test
  void aSecondServerProcessOnTheDirectoryIsRefusedAndNamesTheFirst() throws Exception {
    try (ServerLock first = ServerLock.take(directory)) {
      assertThat(first).isNotNull();
      Process other =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  LockTaker.class.getName(),
                  directory.toString())
              .redirectErrorStream(true)
              .start();
      String said = new String(other.getInputStream().readAllBytes());
      assertThat(other.waitFor()).isEqualTo(1);
      assertThat(said)
          .contains("Another server (process " + ProcessHandle.current().pid() + ") uses");
    }
  }

  @Test
  void rootCanRunItAsTheUserNobodyToo() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(ProcFs.isRoot(), "only root changes users");
    for (Unprivileged user : List.of(Unprivileged.NOBODY, Unprivileged.USER_NAMESPACE)) {
      try (EmbeddedPostgres postgres =
          EmbeddedPostgres.start(
              directory.resolve("postgres"),
              directory.resolve("logs/postgres.log"),
              cache,
              RuntimeFile.open(directory.resolve("runtime.json")),
              Progress.log(),
              user,
              true,
              null)) {
        postgres.createDatabase("app");
        execute(postgres, "create table if not exists fact (n int)");
        assertThat(number(postgres, "select count(*) from fact")).isZero();
      }
    }
  }
}
