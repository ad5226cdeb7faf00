package dev.dstack.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The databases of the embedded Temporal server. */
final class TemporalDatabases {
  static final String ROLE = "temporal";

  /**
   * The schemas of the pinned server version.
   *
   * @param directory what the schema tool calls it
   */
  private record Schema(String database, String directory, String version) {}

  private static final List<Schema> SCHEMAS =
      List.of(
          new Schema("temporal", "postgresql/v12/temporal", "1.18"),
          new Schema("temporal_visibility", "postgresql/v12/visibility", "1.9"));

  private final EmbeddedPostgres postgres;
  private final String password;

  private TemporalDatabases(EmbeddedPostgres postgres, String password) {
    this.postgres = postgres;
    this.password = password;
  }

  /** Makes them, and a user of Temporal's own which owns them and nothing else. */
  static TemporalDatabases of(Path home, EmbeddedPostgres postgres) throws IOException {
    Path file = home.resolve("password");
    boolean fresh = !Files.exists(file);
    if (fresh) {
      byte[] random = new byte[24];
      new SecureRandom().nextBytes(random);
      FileTree.writePrivately(file, HexFormat.of().formatHex(random) + "\n");
    }
    String password = Files.readString(file).strip();
    try (Connection connection = postgres.connect("postgres");
        Statement statement = connection.createStatement()) {
      boolean known;
      try (ResultSet rows =
          statement.executeQuery("select 1 from pg_roles where rolname = '" + ROLE + "'")) {
        known = rows.next();
      }
      if (!known || fresh) {
        // The password is hexadecimal: it cannot end the literal.
        statement.execute(
            (known ? "alter" : "create") + " role " + ROLE + " login password '" + password + "'");
      }
      for (Schema schema : SCHEMAS) {
        try (PreparedStatement exists =
            connection.prepareStatement("select 1 from pg_database where datname = ?")) {
          exists.setString(1, schema.database());
          try (ResultSet rows = exists.executeQuery()) {
            if (!rows.next()) {
              statement.execute("create database \"" + schema.database() + "\" owner " + ROLE);
            }
          }
        }
      }
    } catch (SQLException e) {
      throw new EmbeddedException("Cannot prepare Temporal's databases: " + e.getMessage(), e);
    }
    return new TemporalDatabases(postgres, password);
  }

  String password() {
    return password;
  }

  /** Brings their schemas to the version that the server needs. */
  void migrate(TemporalBinaries binaries, Path logs) throws IOException {
    for (Schema schema : SCHEMAS) {
      String found = version(schema.database());
      if (schema.version().equals(found)) {
        continue;
      }
      if (found == null) {
        sqlTool(binaries, schema, logs, "setup-schema", "-v", "0.0");
      }
      sqlTool(binaries, schema, logs, "update-schema", "--schema-name", schema.directory());
      String now = version(schema.database());
      if (!schema.version().equals(now)) {
        throw new EmbeddedException(
            "The database "
                + schema.database()
                + " has schema version "
                + now
                + ", Temporal "
                + TemporalBinaries.SERVER_VERSION
                + " needs "
                + schema.version()
                + ". It was used by another version of this server: use that one, or a new"
                + " DSTACK_SERVER_DIR.");
      }
    }
  }

  private @Nullable String version(String database) {
    try (Connection connection = postgres.connect(database);
        Statement statement = connection.createStatement()) {
      try (ResultSet rows =
          statement.executeQuery("select to_regclass('public.schema_version') is not null")) {
        rows.next();
        if (!rows.getBoolean(1)) {
          return null;
        }
      }
      try (ResultSet rows = statement.executeQuery("select curr_version from schema_version")) {
        return rows.next() ? rows.getString(1) : null;
      }
    } catch (SQLException e) {
      throw new EmbeddedException(
          "Cannot read the schema version of " + database + ": " + e.getMessage(), e);
    }
  }

  private void sqlTool(TemporalBinaries binaries, Schema schema, Path logs, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(binaries.sqlTool().toString()));
    command.addAll(List.of("--db", schema.database()));
    command.addAll(List.of(arguments));
    Path log = logs.resolve("temporal-schema.log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    // By environment: arguments can be read by every user of the machine.
    builder.environment().put("SQL_PLUGIN", "postgres12_pgx");
    builder.environment().put("SQL_HOST", "127.0.0.1");
    builder.environment().put("SQL_PORT", Integer.toString(postgres.port()));
    builder.environment().put("SQL_USER", ROLE);
    builder.environment().put("SQL_PASSWORD", password);
    Process process = builder.start();
    try {
      if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new EmbeddedException(
            "Temporal's schema tool failed at "
                + arguments[0]
                + " of "
                + schema.database()
                + ". Log: "
                + log
                + ", which ends with:\n"
                + FileTree.tail(log, 3));
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new EmbeddedException("Interrupted while preparing " + schema.database() + ".", e);
    }
  }
}
