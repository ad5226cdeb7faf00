package dev.dstack.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jooq.Configuration;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.conf.RenderNameCase;
import org.jooq.conf.RenderQuotedNames;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultConfiguration;
import org.jspecify.annotations.Nullable;

/** A pool of connections of one role, and how to talk through it. */
public final class Database implements AutoCloseable {
  static {
    // A banner in a server's log helps nobody.
    System.setProperty("org.jooq.no-logo", "true");
    System.setProperty("org.jooq.no-tips", "true");
  }

  private final HikariDataSource pool;
  private final Configuration configuration;

  private Database(HikariDataSource pool) {
    this.pool = pool;
    this.configuration =
        new DefaultConfiguration()
            .set(pool)
            .set(SQLDialect.POSTGRES)
            .set(
                new Settings()
                    .withRenderNameCase(RenderNameCase.LOWER)
                    .withRenderQuotedNames(RenderQuotedNames.EXPLICIT_DEFAULT_UNQUOTED)
                    .withExecuteLogging(false));
  }

  /**
   * Opens a pool lazily: the database need not be up yet. A call while it is down fails with
   * DATABASE_DOWN after the connection timeout.
   */
  public static Database open(DatabaseUrl url, DatabaseRole role, int connections) {
    HikariConfig config = config(url, "dstack-" + role.name().toLowerCase(Locale.ROOT));
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(1);
    config.setInitializationFailTimeout(-1);
    config.setConnectionTimeout(5_000);
    config.setValidationTimeout(2_000);
    if (role.sqlName() != null) {
      config.setConnectionInitSql("SET ROLE " + role.sqlName());
    }
    return new Database(new HikariDataSource(config));
  }

  /**
   * Brings the schema up to date; safe when several replicas start at once. Needs the login that
   * owns the tables, which also has to be allowed to create roles.
   *
   * @throws DstackException DATABASE_DOWN when it can't be reached, BUG when a migration fails
   */
  public static void migrate(DatabaseUrl url) {
    try (HikariDataSource source = new HikariDataSource(ownerConfig(url))) {
      Flyway.configure(Database.class.getClassLoader())
          .dataSource(source)
          .schemas("migration")
          .table("history")
          .locations("classpath:db/migration")
          .validateMigrationNaming(true)
          .load()
          .migrate();
    } catch (FlywayException e) {
      throw new DstackException(
          ErrorKind.BUG, "The database schema can't be brought up to date: " + e.getMessage(), e);
    } catch (PoolInitializationException e) {
      throw new DstackException(
          ErrorKind.DATABASE_DOWN,
          "PostgreSQL at "
              + url
              + " can't be reached: "
              + rootMessage(e)
              + ". Check DSTACK_DATABASE_URL"
              + " and that it is running.",
          e);
    }
  }

  private static HikariConfig ownerConfig(DatabaseUrl url) {
    HikariConfig config = config(url, "dstack-migration");
    // Flyway holds one connection for its lock while it works on another.
    config.setMaximumPoolSize(3);
    config.setMinimumIdle(0);
    config.setConnectionTimeout(10_000);
    return config;
  }

  private static HikariConfig config(DatabaseUrl url, String name) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setJdbcUrl(url.jdbcUrl());
    if (url.user() != null) {
      config.setUsername(url.user());
    }
    if (url.password() != null) {
      config.setPassword(url.password());
    }
    config.addDataSourceProperty("ApplicationName", name);
    config.addDataSourceProperty("reWriteBatchedInserts", "true");
    config.addDataSourceProperty("connectTimeout", "5");
    config.addDataSourceProperty("tcpKeepAlive", "true");
    return config;
  }

  /** For single statements; each is its own transaction. */
  public DSLContext dsl() {
    return DSL.using(configuration);
  }

  public DataSource dataSource() {
    return pool;
  }

  /**
   * Runs the work in one transaction; a {@link DstackException} rolls it back and comes through.
   *
   * <p>jOOQ's own transactions ask the database for the level of isolation each time: one more
   * statement in each.
   */
  public <T> T inTransaction(Function<DSLContext, T> work) {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      try {
        T result = Objects.requireNonNull(work.apply(DSL.using(configuration.derive(connection))));
        connection.commit();
        return result;
      } catch (RuntimeException | SQLException | Error e) {
        rollBack(connection, e);
        throw e;
      }
    } catch (DataAccessException e) {
      throw translated(e);
    } catch (SQLException e) {
      throw translated(new DataAccessException(String.valueOf(e.getMessage()), e));
    }
  }

  private static void rollBack(Connection connection, Throwable cause) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  public void transaction(Consumer<DSLContext> work) {
    inTransaction(
        dsl -> {
          work.accept(dsl);
          return true;
        });
  }

  /** One read or single statement with the errors translated as in {@link #inTransaction}. */
  public <T extends @Nullable Object> T read(Function<DSLContext, T> work) {
    try {
      return work.apply(dsl());
    } catch (DataAccessException e) {
      throw translated(e);
    }
  }

  /**
   * What a failed statement means: DATABASE_DOWN when the connection is the trouble, DISK_FULL, or
   * the exception itself.
   */
  public static RuntimeException translated(DataAccessException e) {
    String state = sqlState(e);
    if (state.startsWith("08") || state.startsWith("57P") || state.startsWith("53")) {
      boolean full = state.equals("53100");
      return new DstackException(
          full ? ErrorKind.DISK_FULL : ErrorKind.DATABASE_DOWN,
          (full ? "PostgreSQL's disk is full: " : "PostgreSQL can't be used at the moment: ")
              + rootMessage(e),
          e);
    }
    if (e.getCause(SQLTransientConnectionException.class) != null) {
      return new DstackException(
          ErrorKind.DATABASE_DOWN, "PostgreSQL can't be reached: " + rootMessage(e), e);
    }
    return e;
  }

  /** The SQLSTATE of a failed statement, or an empty string. */
  public static String sqlState(DataAccessException e) {
    SQLException cause = e.getCause(SQLException.class);
    return cause == null || cause.getSQLState() == null ? "" : cause.getSQLState();
  }

  private static String rootMessage(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String message = String.valueOf(root.getMessage());
    int end = message.indexOf('\n');
    return end < 0 ? message : message.substring(0, end);
  }

  @Override
  public void close() {
    pool.close();
  }
}
