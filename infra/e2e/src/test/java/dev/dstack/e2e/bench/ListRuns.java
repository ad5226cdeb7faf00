package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Api;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A page of runs out of thousands. */
final class ListRuns implements Measurement {
  @Override
  public String key() {
    return "list";
  }

  @Override
  public String what() {
    return "list of 100 out of 1,000 and 10,000 runs";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    scene.timed("template");
    Map<Integer, Double> medians = new LinkedHashMap<>();
    int there = 0;
    for (int total : List.of(1000, 10_000)) {
      multiply(scene, "template", total - there, there);
      there = total;
      Statistics took = Statistics.of(pages(scene));
      medians.put(total, took.median());
      scene.table().number("list_100_of_" + total + "_ms", took.sorted());
    }
    UpstreamServer upstream = scene.upstream();
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 25 ms",
            Table.number(medians.get(1000), 1)
                + " ms, "
                + Table.number(medians.get(10_000), 1)
                + " ms",
            upstream == null || Double.isNaN(upstream.listMs())
                ? ""
                : Table.number(upstream.listMs(), 0) + " ms (of " + upstream.pendingRuns() + ")");
  }

  private static List<Double> pages(Scene scene) {
    List<Double> took = new ArrayList<>();
    // One client: making a new one for each page took 3 ms of it.
    Api api = scene.api();
    for (int i = 0; i < 40; i++) {
      long begun = System.nanoTime();
      Api.Reply reply =
          api.post(
              "/api/runs/list",
              Map.of("project_name", "main", "limit", 100, "job_submissions_limit", 1));
      double millis = Scene.seconds(begun) * 1000;
      // Read after the clock has stopped: how fast this program parses is not measured.
      int size = reply.ok().size();
      if (size != 100) {
        throw new AssertionError("A page of 100 has " + size);
      }
      if (i >= 10) {
        took.add(millis);
      }
    }
    return took;
  }

  /** Finished runs made in the database, for thousands by way of workflows would take an hour. */
  private static void multiply(Scene scene, String name, int count, int offset)
      throws SQLException {
    try (Connection connection = scene.database()) {
      connection.setAutoCommit(false);
      execute(
          connection,
          """
          create temporary table made on commit drop as
          select i, gen_random_uuid() as run, gen_random_uuid() as job
          from generate_series(?::int, ?::int) i
          """,
          offset + 1,
          offset + count);
      copy(
          connection,
          "records.run_submission",
          Map.of(
              "id", "m.run",
              "run_name", "'listed-' || m.i",
              "submitted_at", "t.submitted_at - m.i * interval '1 second'"),
          "t.run_name = ?",
          name);
      copy(
          connection,
          "views.run_view",
          Map.of("id", "m.run"),
          "t.id = (select id from records.run_submission where run_name = ?)",
          name);
      copy(
          connection,
          "views.job_view",
          Map.of("id", "m.job", "run_id", "m.run"),
          "t.run_id = (select id from records.run_submission where run_name = ?)",
          name);
      connection.commit();
      connection.setAutoCommit(true);
      execute(connection, "analyze");
    }
  }

  /** A copy of a row for each of those to be made, with some columns of its own. */
  private static void copy(
      Connection connection, String table, Map<String, String> own, String where, String name)
      throws SQLException {
    List<String> columns = new ArrayList<>();
    List<String> values = new ArrayList<>();
    for (String column : columns(connection, table)) {
      columns.add(column);
      values.add(own.getOrDefault(column, "t." + column));
    }
    if (!Set.copyOf(columns).containsAll(own.keySet())) {
      throw new AssertionError(table + " has not all of " + own.keySet() + ": " + columns);
    }
    execute(
        connection,
        "insert into %s (%s) select %s from %s t, made m where %s"
            .formatted(table, String.join(", ", columns), String.join(", ", values), table, where),
        name);
  }

  /** What can be written: the database computes the others from these. */
  private static List<String> columns(Connection connection, String table) throws SQLException {
    String[] name = table.split("\\.");
    try (PreparedStatement query =
        connection.prepareStatement(
            """
            select column_name from information_schema.columns
            where table_schema = ? and table_name = ? and is_generated = 'NEVER' and is_identity = 'NO'
            """)) {
      query.setString(1, name[0]);
      query.setString(2, name[1]);
      List<String> columns = new ArrayList<>();
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          columns.add(rows.getString(1));
        }
      }
      return columns;
    }
  }

  private static void execute(Connection connection, String sql, Object... values)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      statement.execute();
    }
  }
}
