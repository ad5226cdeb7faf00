package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Runs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Twenty trivial runs at once. */
final class Burst implements Measurement {
  private static final int RUNS = 20;

  @Override
  public String key() {
    return "burst";
  }

  @Override
  public String what() {
    return "20 such runs at once, all done";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    List<Double> took = new ArrayList<>();
    double cpu = 0;
    for (int round = 0; round < 3; round++) {
      Usage usage = new Usage(scene.roots());
      took.add(round(scene, Scene.names("burst-" + round, RUNS)));
      cpu = usage.allCpuSeconds() / RUNS;
    }
    Statistics statistics = Statistics.of(took);
    scene.table().number("burst20_seconds", statistics.sorted());
    scene.table().number("burst20_cpu_seconds_per_run", cpu);
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 12 s",
            statistics.shown(1, "s") + ", " + Table.number(cpu * 1000, 0) + " ms CPU each",
            "");
  }

  private static double round(Scene scene, List<String> names) throws Exception {
    Runs runs = scene.runs();
    long begun = System.nanoTime();
    Scene.parallel(4, names, name -> runs.submit(name, "true"));
    Set<String> open = new LinkedHashSet<>(names);
    while (!open.isEmpty() && Scene.seconds(begun) < 120) {
      JsonNode page =
          scene
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
    double took = Scene.seconds(begun);
    for (String name : names) {
      if (!runs.status(name).equals("done")) {
        throw new AssertionError(name + ": " + runs.summary(name));
      }
    }
    return took;
  }
}
