package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Runs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs that nothing can serve: how fast they are accepted, and what it costs to hold them. */
final class Pending implements Measurement {
  private static final int RUNS = 200;
  private static final Duration HELD = Duration.ofSeconds(40);
  private static final double QUIET_CORES = 0.1;

  @Override
  public String key() {
    return "pending";
  }

  @Override
  public String what() {
    return "holding 200 pending runs: CPU of all parts; trivial call";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    scene.awaitQuiet(QUIET_CORES);
    double without = held(scene, "pending_percent_without_runs");
    List<String> warm = Scene.names("warm-pending", 40);
    Scene.parallel(4, warm, name -> scene.runs().submit(waiting(name)));
    scene.abortAll(warm);
    scene.awaitQuiet(2 * QUIET_CORES);
    List<String> names = Scene.names("pending", RUNS);
    accept(scene, names);
    // All of them are workflows that wait before it is measured what they cost.
    scene.awaitQuiet(QUIET_CORES);
    hold(scene, without);
    scene.abortAll(names);
    // Their ends are work as well, and none of what is measured next.
    scene.awaitQuiet(2 * QUIET_CORES);
  }

  private static void accept(Scene scene, List<String> names) throws Exception {
    Usage usage = new Usage(scene.roots());
    long begun = System.nanoTime();
    Scene.parallel(4, names, name -> scene.runs().submit(waiting(name)));
    double seconds = Scene.seconds(begun);
    Map<String, Double> cpu = usage.cpuSeconds();
    double each = usage.allCpuSeconds() * 1000 / RUNS;
    UpstreamServer upstream = scene.upstream();
    scene.table().number("accepted_per_second", RUNS / seconds);
    scene.table().number("accepted_cpu_ms_each", each);
    scene.table().number("accepted_cpu_seconds", cpu);
    scene
        .table()
        .row(
            "accept",
            "runs accepted per second, CPU each (all parts)",
            "≥ 25/s",
            Table.number(RUNS / seconds, 0) + "/s, " + Table.number(each, 0) + " ms",
            upstream == null || Double.isNaN(upstream.acceptedPerSecond())
                ? ""
                : Table.number(upstream.acceptedPerSecond(), 1)
                    + "/s, "
                    + Table.number(upstream.acceptedCpuMs(), 0)
                    + " ms");
  }

  /** Percent of a core. */
  private static double held(Scene scene, String number) {
    Usage holding = new Usage(scene.roots());
    Usage.over(HELD);
    Map<String, Double> percent = holding.percent();
    scene.table().number(number, percent);
    return Scene.sum(percent);
  }

  private void hold(Scene scene, double without) {
    Usage holding = new Usage(scene.roots());
    Usage.over(HELD);
    Map<String, Double> percent = holding.percent();
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      long call = System.nanoTime();
      scene.api().post("/api/users/get_my_user").ok();
      took.add(Scene.seconds(call) * 1000);
      Usage.over(Duration.ofMillis(200));
    }
    Statistics calls = Statistics.of(took);
    UpstreamServer upstream = scene.upstream();
    scene.table().number("pending_percent_of_core", percent);
    scene.table().number("pending_trivial_call_ms", calls.sorted());
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 3 % of a core; ≤ 20 ms",
            Table.number(Scene.sum(percent), 1)
                + " % ("
                + Scene.shown(percent, 1)
                + "; without runs "
                + Table.number(without, 1)
                + "); "
                + Table.number(calls.median(), 1)
                + " ms (most "
                + Table.number(calls.most(), 0)
                + ")",
            upstream == null || Double.isNaN(upstream.pendingPercent())
                ? ""
                : Table.number(upstream.pendingPercent(), 0)
                    + " %; "
                    + Table.number(upstream.trivialCallMs(), 0)
                    + " ms (with "
                    + upstream.pendingRuns()
                    + ")");
  }

  /** A run that nothing can serve and that waits for something that can. */
  private static Map<String, Object> waiting(String name) {
    Map<String, Object> spec = Runs.task(name, "true");
    Map<String, Object> resources = new LinkedHashMap<>(Runs.smallResources());
    resources.put("cpu", Map.of("min", 200_000));
    spec = Runs.with(spec, "resources", resources);
    return Runs.with(
        spec, "retry", Map.of("on_events", List.of("no-capacity"), "duration", 86_400));
  }
}
