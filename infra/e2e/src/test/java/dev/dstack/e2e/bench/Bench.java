package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.ServerProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The table of docs/benchmarks.md, measured on this machine. */
public final class Bench {
  /** In the order in which they disturb each other least. */
  private static final List<Measurement> ALL =
      List.of(
          new Ps(),
          new Trivial(),
          new Burst(),
          new LogDelay("log", false),
          new Events(),
          new ContainerStart(),
          new LogDelay("follow", true),
          new Attach(),
          new RunnerMemory(),
          new Transfer(),
          new LogThroughput(),
          new ListRuns(),
          new Pending(),
          new Restart(),
          new Takeover(),
          new HostReady(),
          new Running(),
          new Nodes(),
          new Place(),
          new Idle(),
          new Decide());

  /** A job that prints as fast as it can is no mistake here. */
  private static final Map<String, String> ENVIRONMENT =
      Map.of("DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR", "2000000000");

  /** Asked for by one name, measured by another. */
  private static final Map<String, String> OTHER_NAMES = Map.of("accept", "pending");

  private final Set<String> items;
  private final boolean withUpstream;
  private final Table table = new Table();
  private @Nullable UpstreamServer upstream;

  private Bench(Set<String> items, boolean withUpstream) {
    this.items = items;
    this.withUpstream = withUpstream;
  }

  /** {@code [--upstream] [--json FILE] [ITEM…]}. */
  public static void main(String[] arguments) throws IOException {
    Set<String> known = ALL.stream().map(Measurement::key).collect(Collectors.toSet());
    Set<String> items = new LinkedHashSet<>();
    boolean withUpstream = false;
    Path json = Repository.root().resolve("infra/e2e/target/bench.json");
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--upstream" -> withUpstream = true;
        case "--json" -> json = Path.of(arguments[++i]);
        default -> {
          String item = OTHER_NAMES.getOrDefault(arguments[i], arguments[i]);
          if (!known.contains(item)) {
            System.err.println("bench: there is no measurement " + arguments[i] + "; " + known);
            System.exit(2);
          }
          items.add(item);
        }
      }
    }
    Bench bench = new Bench(items.isEmpty() ? known : items, withUpstream);
    bench.run();
    bench.table.write(json);
    System.out.println("\n" + bench.table.text());
    System.out.println("Written to " + json);
    System.exit(bench.table.hasFailures() ? 1 : 0);
  }

  private void run() {
    for (Stand stand : Stand.values()) {
      List<Measurement> here =
          ALL.stream().filter(each -> each.stand() == stand && items.contains(each.key())).toList();
      if (!here.isEmpty()) {
        on(stand, here);
      }
    }
  }

  private void on(Stand stand, List<Measurement> here) {
    if (stand == Stand.NONE) {
      Scene scene = new Scene(null, table, null, withUpstream);
      here.forEach(measurement -> step(measurement, scene));
      return;
    }
    // One after the other: two servers on two cores would measure each other.
    if (stand == Stand.LOCAL && withUpstream) {
      measureUpstream();
    }
    try (ServerProcess server =
            ServerProcess.prepare(ServerProcess.newHome(), stand.config(), ENVIRONMENT)
                .byLauncher();
        var _ = AtExit.of(server)) {
      long begun = System.nanoTime();
      server.startAgain();
      double first = Scene.seconds(begun);
      if (stand == Stand.LOCAL) {
        awaitInstance(server);
        table.number("first_start_seconds", first);
        table.row(
            "first-start", "first start, empty directory", "", Table.number(first, 1) + " s", "");
      }
      Scene scene = new Scene(server, table, upstream, withUpstream);
      here.forEach(measurement -> step(measurement, scene));
    } catch (RuntimeException | AssertionError e) {
      table.failed(stand.name().toLowerCase(java.util.Locale.ROOT), "a server for " + stand, e);
      e.printStackTrace();
    }
  }

  private void measureUpstream() {
    try {
      upstream = UpstreamServer.measured(items);
    } catch (RuntimeException | AssertionError e) {
      System.err.println("Upstream was not measured: " + e);
    }
  }

  /** One that fails is a line of the table; the others go on. */
  private void step(Measurement measurement, Scene scene) {
    System.out.println(measurement.what() + " …");
    try {
      measurement.measure(scene);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      table.failed(measurement.key(), measurement.what(), e);
    } catch (Exception | AssertionError e) {
      table.failed(measurement.key(), measurement.what(), e);
      e.printStackTrace();
    }
  }

  private static void awaitInstance(ServerProcess server) {
    Await.until(
        "the instance is ready",
        Scene.LONG,
        () -> {
          JsonNode instances = server.api().post("/api/instances/list", "{}").ok();
          return !instances.isEmpty() && instances.path(0).path("status").asString().equals("idle");
        },
        () -> server.api().post("/api/instances/list", "{}").text());
  }
}
