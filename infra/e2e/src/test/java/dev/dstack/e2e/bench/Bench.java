package dev.dstack.e2e.bench;

import static dev.dstack.e2e.bench.Table.number;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Histories;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.ServerProcess.Part;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tools.jackson.databind.JsonNode;

/** The table of docs/benchmarks.md, measured on this machine. */
public final class Bench {
  private static final List<String> ITEMS =
      List.of(
          "trivial", "burst", "log", "ps", "events", "accept", "pending", "list", "start",
          "running");
  private static final Duration LONG = Duration.ofMinutes(5);

  // Overcommitted: the jobs of these measurements compute nothing.
  private static final String LOCAL =
      """
      projects:
      - name: main
        backends:
        - type: local
          cpus: 256
          memory: 256GB
      """;

  private static final String SCRIPTED =
      """
      projects:
      - name: main
        backends:
        - type: scripted
          instances: 20
          instance_types:
          - {name: large, cpus: 128, memory: 1024GB, disk: 10000GB, price: 1}
          job: {duration: 1h, lines: 1}
      """;

  private final Set<String> items;
  private final boolean withUpstream;
  private final Table table = new Table();
  private UpstreamServer upstream;

  private Bench(Set<String> items, boolean withUpstream) {
    this.items = items;
    this.withUpstream = withUpstream;
  }

  /** {@code [--upstream] [--json FILE] [ITEM…]}. */
  public static void main(String[] arguments) throws IOException {
    Set<String> items = new LinkedHashSet<>();
    boolean withUpstream = false;
    Path json = Repository.root().resolve("infra/e2e/target/bench.json");
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--upstream" -> withUpstream = true;
        case "--json" -> json = Path.of(arguments[++i]);
        default -> {
          if (!ITEMS.contains(arguments[i])) {
            System.err.println("bench: there is no measurement " + arguments[i] + "; " + ITEMS);
            System.exit(2);
          }
          items.add(arguments[i]);
        }
      }
    }
    Bench bench = new Bench(items.isEmpty() ? new LinkedHashSet<>(ITEMS) : items, withUpstream);
    bench.run();
    bench.table.write(json);
    System.out.println("\n" + bench.table.text());
    System.out.println("Written to " + json);
    System.exit(bench.table.hasFailures() ? 1 : 0);
  }

  private void run() {
    boolean local = items.stream().anyMatch(item -> !item.equals("running"));
    if (local) {
      // One after the other: two servers on two cores would measure each other.
      if (withUpstream) {
        try {
          upstream = UpstreamServer.measured(items);
        } catch (RuntimeException | AssertionError e) {
          System.err.println("Upstream was not measured: " + e);
        }
      }
      ServerProcess server =
          ServerProcess.prepare(ServerProcess.newHome(), LOCAL, Map.of()).byLauncher();
      try {
        step("start", "the server starts on an empty directory", () -> first(server));
        awaitFleet(server.api());
        if (upstream != null && items.contains("ps")) {
          step("ps", "`ps`", () -> ps(server));
        } else if (items.contains("ps")) {
          step("ps", "`ps`", () -> ps(server));
        }
        step("trivial", "trivial task, apply → done", () -> trivial(server));
        step("burst", "20 at once, all done", () -> burst(server));
        step("log", "line printed → seen in the CLI", () -> log(server));
        step("events", "history events of a one-job run", () -> events(server));
        step("list", "list of 100 runs", () -> list(server));
        step("accept", "runs accepted per second", () -> accept(server));
        step("start", "server start on existing data", () -> start(server));
      } finally {
        server.close();
      }
    }
    if (items.contains("running")) {
      ServerProcess server =
          ServerProcess.prepare(ServerProcess.newHome(), SCRIPTED, Map.of()).byLauncher();
      try {
        server.startAgain();
        step("running", "holding 1,000 running runs", () -> running(server));
      } finally {
        server.close();
      }
    }
  }

  private interface Measurement {
    void measure() throws Exception;
  }

  private void step(String item, String what, Measurement measurement) {
    boolean wanted =
        items.contains(item)
            || (item.equals("accept") && items.contains("pending"))
            || what.startsWith("the server starts");
    if (!wanted) {
      return;
    }
    System.out.println(what + " …");
    try {
      measurement.measure();
    } catch (Exception | AssertionError e) {
      table.failed(item, what, e);
      e.printStackTrace();
    }
  }

  private void first(ServerProcess server) {
    long begun = System.nanoTime();
    server.startAgain();
    table.number("first_start_seconds", seconds(begun));
    table.row(
        "first-start", "first start, empty directory", "", number(seconds(begun), 1) + " s", "");
  }

  private void trivial(ServerProcess server) {
    Runs runs = server.runs();
    for (int i = 0; i < 3; i++) {
      timed(runs, "warm-" + i);
    }
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      took.add(timed(runs, "trivial-" + i));
    }
    Statistics statistics = Statistics.of(took);
    table.number("trivial_seconds", statistics.sorted());
    table.row(
        "trivial",
        "trivial task, instance ready: apply → done",
        "≤ 2 s, aim 1 s",
        number(statistics.median(), 2)
            + " s ("
            + number(statistics.least(), 2)
            + "–"
            + number(statistics.most(), 2)
            + ")",
        "");
  }

  private static double timed(Runs runs, String name) {
    long begun = System.nanoTime();
    runs.submit(name, "true");
    while (true) {
      String status = runs.status(name);
      if (status.equals("done")) {
        return seconds(begun);
      }
      if (status.equals("failed") || status.equals("terminated") || seconds(begun) > 60) {
        throw new AssertionError(runs.summary(name));
      }
      Usage.over(Duration.ofMillis(20));
    }
  }

  private void burst(ServerProcess server) throws Exception {
    Runs runs = server.runs();
    List<Double> took = new ArrayList<>();
    double cpu = 0;
    for (int round = 0; round < 3; round++) {
      Usage usage = new Usage(roots(server));
      long begun = System.nanoTime();
      List<String> names = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        names.add("burst-" + round + "-" + i);
      }
      parallel(4, names, name -> runs.submit(name, "true"));
      Set<String> open = new LinkedHashSet<>(names);
      while (!open.isEmpty() && seconds(begun) < 120) {
        JsonNode page =
            server
                .api()
                .post(
                    "/api/runs/list",
                    Map.of("only_active", true, "limit", 100, "include_jobs", false))
                .ok();
        Set<String> active = new LinkedHashSet<>();
        page.forEach(run -> active.add(run.path("run_spec").path("run_name").asString()));
        open.retainAll(active);
        Usage.over(Duration.ofMillis(50));
      }
      took.add(seconds(begun));
      cpu = usage.allCpuSeconds() / 20;
      for (String name : names) {
        if (!runs.status(name).equals("done")) {
          throw new AssertionError(name + ": " + runs.summary(name));
        }
      }
    }
    Statistics statistics = Statistics.of(took);
    table.number("burst20_seconds", statistics.sorted());
    table.number("burst20_cpu_seconds_per_run", cpu);
    table.row(
        "burst",
        "20 such runs at once, all done",
        "≤ 12 s",
        number(statistics.median(), 1)
            + " s ("
            + number(statistics.least(), 1)
            + "–"
            + number(statistics.most(), 1)
            + "), "
            + number(cpu * 1000, 0)
            + " ms CPU each",
        "");
  }

  private void log(ServerProcess server) throws IOException, InterruptedException {
    Path home = server.home();
    Path work = Files.createDirectories(home.resolve("work"));
    Files.writeString(
        work.resolve("ticks.dstack.yml"),
        """
        type: task
        name: ticks
        commands:
        - sleep 1; for i in $(seq 1 40); do echo "tick $(date +%s%N)"; sleep 0.15; done
        resources:
          cpu: 1..
          memory: 100MB..
          disk: 100MB..
        """);
    server.cli();
    Process process =
        cli(server, "apply", "-f", "ticks.dstack.yml", "-y")
            .builder()
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    List<Double> delays = new ArrayList<>();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      while ((line = reader.readLine()) != null) {
        java.time.Instant now = java.time.Instant.now();
        int at = line.indexOf("tick 1");
        if (at >= 0) {
          long nanos = Long.parseLong(line.substring(at + 5).strip().replaceAll("[^0-9].*", ""));
          delays.add((now.getEpochSecond() * 1e9 + now.getNano() - nanos) / 1e6);
        }
      }
    }
    process.waitFor();
    if (delays.size() != 40) {
      throw new AssertionError(delays.size() + " of 40 lines were seen");
    }
    Statistics statistics = Statistics.of(delays);
    table.number("log_ms", statistics.sorted());
    table.row(
        "log",
        "line printed → seen in the CLI",
        "≤ 0.3 s",
        number(statistics.median(), 0)
            + " ms (90 %: "
            + number(statistics.quantile(0.9), 0)
            + ", most: "
            + number(statistics.most(), 0)
            + ")",
        "");
  }

  private void ps(ServerProcess server) {
    server.cli();
    cli(server, "ps", "-a").run().ok();
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      took.add(cli(server, "ps", "-a").run().ok().took().toNanos() / 1e9);
    }
    String theirs = "";
    if (withUpstream) {
      UpstreamCli cli = new UpstreamCli(server.home());
      cli.run(
              "project",
              "add",
              "--name",
              "main",
              "--url",
              server.base().toString(),
              "--token",
              ServerProcess.TOKEN,
              "-y")
          .ok();
      List<Double> upstreams = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        upstreams.add(cli.run("ps", "-a").ok().took().toNanos() / 1e9);
      }
      theirs = number(Statistics.of(upstreams).median(), 2) + " s (its CLI, our server)";
      table.number("ps_upstream_cli_our_server_seconds", upstreams);
    }
    if (upstream != null && !Double.isNaN(upstream.psSeconds())) {
      theirs += ", " + number(upstream.psSeconds(), 2) + " s (its CLI, its server)";
    }
    Statistics statistics = Statistics.of(took);
    table.number("ps_seconds", statistics.sorted());
    table.row(
        "ps",
        "`ps` of the CLI",
        "≤ 0.45 s, aim 0.3 s",
        number(statistics.median(), 2)
            + " s ("
            + number(statistics.least(), 2)
            + "–"
            + number(statistics.most(), 2)
            + ")",
        theirs);
  }

  private void events(ServerProcess server) {
    Runs runs = server.runs();
    try (Histories histories = Histories.of(server)) {
      Map<String, Long> before = histories.lengthsWhenQuiet(LONG);
      timed(runs, "events");
      Map<String, Long> after = histories.lengthsWhenQuiet(LONG);
      Map<String, Long> grown = new TreeMap<>();
      after.forEach(
          (workflow, length) -> {
            long more = length - before.getOrDefault(workflow, 0L);
            if (more > 0) {
              grown.put(workflow.replaceAll("[ ].*", ""), more);
            }
          });
      long sum = grown.values().stream().mapToLong(Long::longValue).sum();
      table.number("events_per_run", sum);
      table.number("events_per_run_by_workflow", grown);
      table.row(
          "events",
          "history events of a one-job run, all workflows",
          "≤ 120, aim 80",
          Long.toString(sum),
          "");
    }
  }

  private void accept(ServerProcess server) throws Exception {
    int count = 200;
    Api api = server.api();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add("pending-" + i);
    }
    Runs runs = server.runs();
    List<String> warm = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      warm.add("warm-pending-" + i);
    }
    parallel(4, warm, name -> runs.submit(waiting(name)));
    stopAll(api, warm);
    awaitQuiet(server);
    Usage usage = new Usage(roots(server));
    long begun = System.nanoTime();
    parallel(4, names, name -> runs.submit(waiting(name)));
    double seconds = seconds(begun);
    Map<String, Double> cpu = usage.cpuSeconds();
    double all = usage.allCpuSeconds();
    table.number("accepted_per_second", count / seconds);
    table.number("accepted_cpu_ms_each", all * 1000 / count);
    table.number("accepted_cpu_seconds", cpu);
    table.row(
        "accept",
        "runs accepted per second, CPU each (all parts)",
        "≥ 25/s",
        number(count / seconds, 0) + "/s, " + number(all * 1000 / count, 0) + " ms",
        upstream == null || Double.isNaN(upstream.acceptedPerSecond())
            ? ""
            : number(upstream.acceptedPerSecond(), 1)
                + "/s, "
                + number(upstream.acceptedCpuMs(), 0)
                + " ms");
    // All of them are workflows that wait before it is measured what they cost.
    awaitQuiet(server);
    Usage holding = new Usage(roots(server));
    Usage.over(Duration.ofSeconds(30));
    Map<String, Double> percent = holding.percent();
    double sum = percent.values().stream().mapToDouble(Double::doubleValue).sum();
    List<Double> calls = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      long call = System.nanoTime();
      api.post("/api/users/get_my_user").ok();
      calls.add(seconds(call) * 1000);
      Usage.over(Duration.ofMillis(200));
    }
    table.number("pending_percent_of_core", percent);
    table.number("pending_trivial_call_ms", Statistics.of(calls).sorted());
    table.row(
        "pending",
        "holding 200 pending runs: CPU of all parts; trivial call",
        "≤ 3 % of a core; ≤ 20 ms",
        number(sum, 1)
            + " % ("
            + shown(percent)
            + "); "
            + number(Statistics.of(calls).median(), 1)
            + " ms (most "
            + number(Statistics.of(calls).most(), 0)
            + ")",
        upstream == null || Double.isNaN(upstream.pendingPercent())
            ? ""
            : number(upstream.pendingPercent(), 0)
                + " %; "
                + number(upstream.trivialCallMs(), 0)
                + " ms (with "
                + upstream.pendingRuns()
                + ")");
    stopAll(api, names);
    // Their ends are work as well, and none of what is measured next.
    awaitQuiet(server);
  }

  private static void awaitQuiet(ServerProcess server) {
    Await.until(
        "the server is quiet",
        LONG,
        () -> {
          Usage now = new Usage(roots(server));
          Usage.over(Duration.ofSeconds(3));
          return now.allCpuSeconds() < 0.6;
        });
  }

  /** A run that nothing can serve and that waits for something that can. */
  static Map<String, Object> waiting(String name) {
    Map<String, Object> spec = Runs.task(name, "true");
    Map<String, Object> resources = new LinkedHashMap<>(Runs.smallResources());
    resources.put("cpu", Map.of("min", 200_000));
    spec = Runs.with(spec, "resources", resources);
    return Runs.with(
        spec, "retry", Map.of("on_events", List.of("no-capacity"), "duration", 86_400));
  }

  private static void stopAll(Api api, List<String> names) {
    for (int i = 0; i < names.size(); i += 50) {
      api.post(
          "/api/project/main/runs/stop",
          Map.of("runs_names", names.subList(i, Math.min(names.size(), i + 50)), "abort", true));
    }
  }

  private void list(ServerProcess server) throws Exception {
    Runs runs = server.runs();
    timed(runs, "template");
    Api api = server.api();
    Map<String, Double> medians = new LinkedHashMap<>();
    int there = 0;
    for (int total : List.of(1000, 10_000)) {
      clone(server, "template", total - there, there);
      there = total;
      List<Double> took = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        long begun = System.nanoTime();
        Api.Reply reply =
            api.post(
                "/api/runs/list",
                Map.of("project_name", "main", "limit", 100, "job_submissions_limit", 1));
        double millis = seconds(begun) * 1000;
        // Read after the clock has stopped: how fast this program parses is not measured.
        int size = reply.ok().size();
        if (size != 100) {
          throw new AssertionError("A page of 100 has " + size);
        }
        if (i >= 10) {
          took.add(millis);
        }
      }
      medians.put("of " + total, Statistics.of(took).median());
      table.number("list_100_of_" + total + "_ms", Statistics.of(took).sorted());
    }
    table.row(
        "list",
        "list of 100 out of 1,000 and 10,000 runs",
        "≤ 25 ms",
        number(medians.get("of 1000"), 1) + " ms, " + number(medians.get("of 10000"), 1) + " ms",
        upstream == null || Double.isNaN(upstream.listMs())
            ? ""
            : number(upstream.listMs(), 0) + " ms (of " + upstream.pendingRuns() + ")");
  }

  /** Finished runs made in the database, for thousands by way of workflows would take an hour. */
  private static void clone(ServerProcess server, String name, int count, int offset)
      throws SQLException {
    try (Connection connection =
        DriverManager.getConnection(
            "jdbc:postgresql://127.0.0.1:"
                + server.databasePort()
                + "/dstack?sslmode=disable&gssEncMode=disable",
            "postgres",
            server.databasePassword())) {
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
      execute(
          connection,
          """
          insert into records.run_submission
          select (jsonb_populate_record(null::records.run_submission, to_jsonb(t) || jsonb_build_object(
              'id', m.run, 'run_name', 'listed-' || m.i,
              'submitted_at', t.submitted_at - m.i * interval '1 second'))).*
          from records.run_submission t, made m where t.run_name = ?
          """,
          name);
      execute(
          connection,
          """
          insert into views.run_view
          select (jsonb_populate_record(null::views.run_view, to_jsonb(v) || jsonb_build_object('id', m.run))).*
          from views.run_view v join records.run_submission t on t.id = v.id, made m where t.run_name = ?
          """,
          name);
      execute(
          connection,
          """
          insert into views.job_view
          select (jsonb_populate_record(null::views.job_view, to_jsonb(v) || jsonb_build_object(
              'id', m.job, 'run_id', m.run))).*
          from views.job_view v join records.run_submission t on t.id = v.run_id, made m where t.run_name = ?
          """,
          name);
      connection.commit();
      connection.setAutoCommit(true);
      execute(connection, "analyze");
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

  private void start(ServerProcess server) {
    List<Double> took = new ArrayList<>();
    List<Double> working = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      if (!server.stop(Duration.ofSeconds(60))) {
        throw new AssertionError("The server did not stop within a minute.");
      }
      long begun = System.nanoTime();
      server.startAgain();
      took.add(seconds(begun));
      timed(server.runs(), "restarted-" + i);
      working.add(seconds(begun));
    }
    Statistics statistics = Statistics.of(took);
    table.number("start_seconds", statistics.sorted());
    table.number("start_to_first_run_done_seconds", Statistics.of(working).sorted());
    table.row(
        "start",
        "server start on existing data to the first answer, with PostgreSQL and Temporal",
        "≤ 10 s",
        number(statistics.median(), 1)
            + " s (to a first run done: "
            + number(Statistics.of(working).median(), 1)
            + " s)",
        upstream == null || Double.isNaN(upstream.startSeconds())
            ? ""
            : number(upstream.startSeconds(), 1) + " s");
  }

  private void running(ServerProcess server) throws Exception {
    Runs runs = server.runs();
    Await.until(
        "the first simulated run is running",
        LONG,
        () -> {
          // Its fleet may be made a moment after the first answer.
          if (runs.apply(Runs.with(Runs.task("first", "x"), "retry", true)).status() == 200) {
            runs.awaitStatus("first", LONG, "running", "failed");
          }
          return runs.status("first").equals("running");
        },
        () -> runs.summary("first"));
    Map<String, Long> memoryBefore = Usage.memoryKb(roots(server));
    int count = 1000;
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add("held-" + i);
    }
    long begun = System.nanoTime();
    parallel(4, names, name -> runs.submit(Runs.with(Runs.task(name, "x"), "retry", true)));
    double accepted = seconds(begun);
    Await.until(
        "all of them run",
        Duration.ofMinutes(9),
        () -> countRunning(server) >= count,
        () -> {
          try {
            return countRunning(server) + " run";
          } catch (SQLException e) {
            return e.toString();
          }
        });
    double all = seconds(begun);
    Await.until(
        "the server is quiet",
        LONG,
        () -> {
          Usage now = new Usage(roots(server));
          Usage.over(Duration.ofSeconds(5));
          return now.allCpuSeconds() < 3.5;
        });
    Usage usage = new Usage(roots(server));
    Usage.over(Duration.ofSeconds(60));
    Map<String, Double> percent = usage.percent();
    double sum = percent.values().stream().mapToDouble(Double::doubleValue).sum();
    Map<String, Long> memory = Usage.memoryKb(roots(server));
    Map<String, Double> each = new LinkedHashMap<>();
    memory.forEach((part, kb) -> each.put(part, (kb - memoryBefore.get(part)) / 1024.0 / count));
    double eachMb = each.values().stream().mapToDouble(Double::doubleValue).sum();
    table.number("running_accept_seconds", accepted);
    table.number("running_all_running_seconds", all);
    table.number("running_percent_of_core", percent);
    table.number("running_mb_each", each);
    table.row(
        "running",
        "holding 1,000 running (scripted): CPU and memory of all parts",
        "≤ 0.5 core, ≤ 0.5 MB each",
        number(sum / 100, 2)
            + " core ("
            + shown(percent)
            + "), "
            + number(eachMb, 2)
            + " MB each; accepted in "
            + number(accepted, 0)
            + " s, all running after "
            + number(all, 0)
            + " s",
        "");
  }

  private static int countRunning(ServerProcess server) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:"
                    + server.databasePort()
                    + "/dstack?sslmode=disable&gssEncMode=disable",
                "postgres",
                server.databasePassword());
        PreparedStatement query =
            connection.prepareStatement(
                "select count(*) from views.run_view where status = 'running'");
        var rows = query.executeQuery()) {
      rows.next();
      // Asked for once a second at most: it is no part of what is measured.
      Usage.over(Duration.ofSeconds(1));
      return rows.getInt(1);
    }
  }

  private static void awaitFleet(Api api) {
    Await.until(
        "the instance is ready",
        LONG,
        () -> {
          JsonNode instances = api.post("/api/instances/list", "{}").ok();
          return !instances.isEmpty() && instances.path(0).path("status").asString().equals("idle");
        },
        () -> api.post("/api/instances/list", "{}").text());
  }

  private static Command cli(ServerProcess server, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Repository.root().resolve("dstack").toString());
    command.addAll(Arrays.asList(arguments));
    return new Command(command)
        .env("HOME", server.home().toString())
        .env("DSTACK_PROJECT", "main")
        .env("DSTACK_SERVER_URL", server.base().toString())
        .env("DSTACK_TOKEN", ServerProcess.TOKEN)
        .in(server.home().resolve("work"));
  }

  private static Map<String, Long> roots(ServerProcess server) {
    Map<String, Long> roots = new LinkedHashMap<>();
    // Parts that are the server's children are counted under their own names.
    roots.put("server", server.pid());
    roots.put("temporal", server.pid(Part.TEMPORAL));
    roots.put("postgres", server.pid(Part.POSTGRES));
    return roots;
  }

  private static String shown(Map<String, Double> percent) {
    List<String> parts = new ArrayList<>();
    percent.forEach((part, value) -> parts.add(part + " " + number(value, 1)));
    return String.join(", ", parts);
  }

  private static double seconds(long begun) {
    return (System.nanoTime() - begun) / 1e9;
  }

  interface Work {
    void on(String name) throws Exception;
  }

  static void parallel(int workers, List<String> names, Work work) throws Exception {
    try (ExecutorService executor = Executors.newFixedThreadPool(workers)) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (String name : names) {
        tasks.add(
            () -> {
              work.on(name);
              return null;
            });
      }
      for (Future<Void> future : executor.invokeAll(tasks)) {
        try {
          future.get();
        } catch (ExecutionException e) {
          throw new IllegalStateException(e.getCause());
        }
      }
    }
  }
}
