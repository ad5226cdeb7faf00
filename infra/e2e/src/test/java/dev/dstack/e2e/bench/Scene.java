package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.ServerProcess.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a measurement works with. */
final class Scene {
  static final Duration LONG = Duration.ofMinutes(5);

  private final @Nullable ServerProcess server;
  private final Table table;
  private final @Nullable UpstreamServer upstream;
  private final boolean withUpstream;
  private @Nullable String image;

  /**
   * @param server absent where no measurement needs one
   * @param upstream absent: it was not measured
   * @param withUpstream upstream's CLI is there
   */
  Scene(
      @Nullable ServerProcess server,
      Table table,
      @Nullable UpstreamServer upstream,
      boolean withUpstream) {
    this.server = server;
    this.table = table;
    this.upstream = upstream;
    this.withUpstream = withUpstream;
  }

  ServerProcess server() {
    return Objects.requireNonNull(server);
  }

  Table table() {
    return table;
  }

  @Nullable UpstreamServer upstream() {
    return upstream;
  }

  boolean withUpstream() {
    return withUpstream;
  }

  Api api() {
    return server().api();
  }

  Runs runs() {
    return server().runs();
  }

  // --- runs --------------------------------------------------------------------------------------

  /** Seconds from the submission of a trivial run until it is done. */
  double timed(String name) {
    return timed(Runs.task(name, "true"));
  }

  double timed(Map<String, Object> spec) {
    Runs runs = runs();
    String name = spec.get("run_name").toString();
    long begun = System.nanoTime();
    runs.submit(spec);
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

  /** A run in a container that is there to be looked at. */
  JsonNode runningContainer(String name, String... commands) {
    runs().submit(inImage(Runs.task(name, commands)));
    return runs().awaitStatus(name, LONG, "running");
  }

  void end(String name) {
    runs().abort(name);
    runs().awaitEnd(name, LONG);
  }

  void abortAll(List<String> names) {
    for (int i = 0; i < names.size(); i += 50) {
      List<String> some = names.subList(i, Math.min(names.size(), i + 50));
      api().post("/api/project/main/runs/stop", Map.of("runs_names", some, "abort", true)).ok();
    }
  }

  // --- containers --------------------------------------------------------------------------------

  /** Of a static busybox; made at first use. */
  String image() {
    if (!"1".equals(System.getenv(Docker.WANTED))) {
      throw new AssertionError("there is no Docker Engine for the measurements");
    }
    String made = image;
    if (made == null) {
      made = BenchImage.make(server().home());
      image = made;
    }
    return made;
  }

  /** Until the agent has made what the runners of this machine start fast with. */
  void awaitContainersStartFast() {
    Path runtimes = server().serverDirectory();
    Await.until(
        "the cache of the runners' classes is made",
        LONG,
        () -> {
          try (Stream<Path> files = Files.walk(runtimes, 8)) {
            return files.anyMatch(file -> file.endsWith("cache/runner.aot"));
          }
        },
        () -> "");
  }

  Map<String, Object> inImage(Map<String, Object> spec) {
    return Runs.with(spec, "image", image());
  }

  /** The container of a run. */
  Box box(String run) {
    return Await.value(
        "the container of " + run,
        LONG,
        () ->
            Docker.run("ps", "-q", "--filter", "label=dstack.run=" + run)
                .ok()
                .out()
                .lines()
                .findFirst()
                .map(Box::of),
        () -> Docker.run("ps", "-a").out());
  }

  /**
   * @param pid of its runner as the host sees it
   * @param address in the engine's network
   */
  record Box(String id, long pid, String address) {
    static Box of(String id) {
      String[] said =
          Docker.run(
                  "inspect",
                  "--format",
                  "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                  id)
              .ok()
              .out()
              .strip()
              .split(" ");
      String address = said.length > 1 ? said[1] : "127.0.0.1";
      return new Box(id, runner(Long.parseLong(said[0])), address);
    }
  }

  /** The engine may have put a small process of its own in front. */
  private static long runner(long first) {
    return Await.value(
        "the runner of the container is there",
        LONG,
        () ->
            Processes.tree(first).stream()
                .filter(pid -> Processes.describe(pid).contains("runner.Runner"))
                .max(Comparator.comparingLong(pid -> Processes.memory(pid).residentKb())),
        () -> Processes.describe(first));
  }

  // --- the server's parts ------------------------------------------------------------------------

  Map<String, Long> roots() {
    Map<String, Long> roots = new LinkedHashMap<>();
    // Parts that are the server's children are counted under their own names.
    roots.put("server", server().pid());
    roots.put("temporal", server().pid(Part.TEMPORAL));
    roots.put("postgres", server().pid(Part.POSTGRES));
    return roots;
  }

  /** Until all parts together take less than a share of a core. */
  void awaitQuiet(double cores) {
    Await.until(
        "the server is quiet",
        LONG,
        () -> {
          Usage now = new Usage(roots());
          Usage.over(Duration.ofSeconds(3));
          return now.allCpuSeconds() < 3 * cores;
        });
  }

  Connection database() throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:"
            + server().databasePort()
            + "/dstack?sslmode=disable&gssEncMode=disable",
        "postgres",
        server().databasePassword());
  }

  int count(String query) throws SQLException {
    try (Connection connection = database();
        var statement = connection.createStatement();
        var rows = statement.executeQuery(query)) {
      rows.next();
      return rows.getInt(1);
    }
  }

  // --- programs ----------------------------------------------------------------------------------

  /** Our CLI, started by the script at the root. */
  Command cli(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Repository.root().resolve("dstack").toString());
    command.addAll(Arrays.asList(arguments));
    Path home = server().home();
    return new Command(command)
        .env("HOME", home.toString())
        .env("DSTACK_NO_BUILD", "1")
        .env("DSTACK_PROJECT", "main")
        .env("DSTACK_SERVER_URL", server().base().toString())
        .env("DSTACK_TOKEN", ServerProcess.TOKEN)
        .in(server().cli().directory());
  }

  static double seconds(long begun) {
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

  static List<String> names(String prefix, int count) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add(prefix + "-" + i);
    }
    return names;
  }

  /** {@code server 1.2, temporal 0.3}. */
  static String shown(Map<String, Double> values, int digits) {
    List<String> parts = new ArrayList<>();
    values.forEach((part, value) -> parts.add(part + " " + Table.number(value, digits)));
    return String.join(", ", parts);
  }

  static double sum(Map<String, Double> values) {
    return values.values().stream().mapToDouble(Double::doubleValue).sum();
  }
}
