package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Histories;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Values that are nobody's business, planted everywhere they may go and searched everywhere. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class PlantedSecretsTest {
  private static final String SECRET = "planted-secret-3d1b9c";
  private static final String VALUE = "planted-value-77ae02";
  private static final String NESTED = "planted-nested-c4f81e";
  private static final String FAILED = "planted-failed-19d6b3";
  private static final String PASSWORD = "planted-password-e20a5d";
  private static final List<String> PLANTED = List.of(SECRET, VALUE, NESTED, FAILED, PASSWORD);
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @Test
  void noPlantedValueIsFoundInClear(ServerProcess server) throws Exception {
    plant(server);
    List<String> found = new ArrayList<>();
    searchHistories(server, found);
    searchDatabases(server, found);
    searchFiles(server, found);
    assertThat(found).isEmpty();
  }

  /** The search is worth nothing if it finds nothing that is there. */
  @Test
  void theSearchFindsWhatIsNotSecret(ServerProcess server) throws Exception {
    Runs runs = server.runs();
    runs.submit("planted-openly", "echo");
    runs.awaitEnd("planted-openly", LIMIT);
    List<String> found = new ArrayList<>();
    searchHistories(server, found, List.of("planted-openly"));
    assertThat(found).as("histories").isNotEmpty();
    found.clear();
    searchDatabases(server, found, List.of("planted-openly"));
    assertThat(found).as("database rows").isNotEmpty();
    assertThat(found.toString()).contains("dstack").contains("temporal");
  }

  private static void plant(ServerProcess server) {
    Api api = server.api();
    Runs runs = server.runs();
    api.post(
            "/api/project/main/secrets/create_or_update",
            Map.of("name", "planted", "value", SECRET))
        .ok();
    Map<String, Object> env = new LinkedHashMap<>();
    env.put("OWN", VALUE);
    env.put("OF_PROJECT", "${{ secrets.planted }}");
    env.put("MIXED", "user:" + NESTED + "@${{ secrets.planted }}");
    runs.submit(
        Runs.with(
            Runs.task("planted", "test -n \"$OWN\" && test -n \"$OF_PROJECT\" && echo has both"),
            "env",
            env));
    assertThat(runs.awaitEnd("planted", LIMIT).path("status").asString())
        .as(runs.summary("planted"))
        .isEqualTo("done");
    assertThat(runs.lines("planted")).containsExactly("has both");
    // One that fails says more than one that does not.
    runs.submit(
        Runs.with(
            Runs.with(Runs.task("planted-fails", "exit 1"), "env", Map.of("OWN", FAILED)),
            "working_dir",
            "/nonexistent/place"));
    runs.awaitEnd("planted-fails", LIMIT);
    // A password is refused with its image; it must not be written down on the way either.
    runs.apply(
        Runs.with(
            Runs.with(Runs.task("planted-image", "true"), "image", "registry.invalid/x:1"),
            "registry_auth",
            Map.of("username", "u", "password", PASSWORD)));
    runs.apply(Runs.with(Runs.task("Bad Name", "true"), "env", Map.of("A", PASSWORD)));
  }

  private static void searchHistories(ServerProcess server, List<String> found) {
    searchHistories(server, found, PLANTED);
  }

  private static void searchHistories(
      ServerProcess server, List<String> found, List<String> planted) {
    try (Histories histories = Histories.of(server)) {
      List<Histories.Told> all = histories.all();
      assertThat(all).isNotEmpty();
      for (Histories.Told told : all) {
        String bytes = new String(told.history().toByteArray(), StandardCharsets.ISO_8859_1);
        for (String value : planted) {
          if (holds(bytes, value)) {
            found.add("history of " + told.workflowId() + ": " + value);
          }
        }
      }
    }
  }

  private static void searchDatabases(ServerProcess server, List<String> found)
      throws SQLException {
    searchDatabases(server, found, PLANTED);
  }

  private static void searchDatabases(
      ServerProcess server, List<String> found, List<String> planted) throws SQLException {
    for (String database : databases(server)) {
      try (Connection connection = connect(server, database)) {
        for (Column column : columns(connection)) {
          for (String value : planted) {
            for (String form : forms(value)) {
              if (holds(connection, column, form)) {
                found.add(database + " " + column + ": " + value);
              }
            }
          }
        }
      }
    }
  }

  private record Column(String schema, String table, String name, boolean bytes) {
    String quoted() {
      return "\"" + schema + "\".\"" + table + "\"";
    }
  }

  private static List<Column> columns(Connection connection) throws SQLException {
    List<Column> columns = new ArrayList<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                """
                select c.table_schema, c.table_name, c.column_name, c.data_type
                from information_schema.columns c
                join information_schema.tables t using (table_schema, table_name)
                where t.table_type = 'BASE TABLE'
                  and c.table_schema not in ('pg_catalog', 'information_schema')
                  and c.data_type in
                    ('text', 'character varying', 'character', 'json', 'jsonb', 'bytea', 'ARRAY')
                """);
        ResultSet rows = query.executeQuery()) {
      while (rows.next()) {
        columns.add(
            new Column(
                rows.getString(1),
                rows.getString(2),
                rows.getString(3),
                rows.getString(4).equals("bytea")));
      }
    }
    return columns;
  }

  private static boolean holds(Connection connection, Column column, String form)
      throws SQLException {
    String condition =
        column.bytes()
            ? "position(convert_to(?, 'UTF8') in \"" + column.name() + "\") > 0"
            : "position(? in \"" + column.name() + "\"::text) > 0";
    try (PreparedStatement query =
        connection.prepareStatement(
            "select 1 from " + column.quoted() + " where " + condition + " limit 1")) {
      query.setString(1, form);
      try (ResultSet rows = query.executeQuery()) {
        return rows.next();
      }
    }
  }

  private static List<String> databases(ServerProcess server) throws SQLException {
    List<String> names = new ArrayList<>();
    try (Connection connection = connect(server, "postgres");
        PreparedStatement query =
            connection.prepareStatement(
                "select datname from pg_database where datallowconn and not datistemplate");
        ResultSet rows = query.executeQuery()) {
      while (rows.next()) {
        names.add(rows.getString(1));
      }
    }
    return names;
  }

  private static Connection connect(ServerProcess server, String database) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:"
            + server.databasePort()
            + "/"
            + database
            + "?sslmode=disable&gssEncMode=disable",
        "postgres",
        server.databasePassword());
  }

  private static void searchFiles(ServerProcess server, List<String> found) throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(server.home())) {
      files = walk.filter(Files::isRegularFile).toList();
    }
    for (Path file : files) {
      // The database's own files hold what its rows hold, compressed or not; those were searched.
      if (file.toString().contains("/postgres/data/")) {
        continue;
      }
      String bytes;
      try {
        bytes = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
      } catch (IOException e) {
        continue;
      }
      for (String value : PLANTED) {
        if (holds(bytes, value)) {
          found.add(server.home().relativize(file) + ": " + value);
        }
      }
    }
  }

  private static boolean holds(String text, String value) {
    return forms(value).stream().anyMatch(text::contains);
  }

  /** As it is, and inside base64 in whatever position it stands. */
  private static List<String> forms(String value) {
    List<String> forms = new ArrayList<>(List.of(value));
    for (int shift = 0; shift < 3; shift++) {
      String encoded =
          Base64.getEncoder()
              .encodeToString(("x".repeat(shift) + value).getBytes(StandardCharsets.UTF_8));
      forms.add(encoded.substring(4, encoded.length() - 4));
    }
    return forms;
  }
}
