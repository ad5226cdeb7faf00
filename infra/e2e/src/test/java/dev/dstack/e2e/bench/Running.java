package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Runs;
import java.sql.SQLException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A thousand runs at once, and what it costs to hold them. */
final class Running implements Measurement {
  private static final int RUNS = Integer.getInteger("bench.running", 1000);
  private static final Duration RUSH = Duration.ofMinutes(9);

  @Override
  public String key() {
    return "running";
  }

  @Override
  public String what() {
    return "holding %,d running (scripted): CPU and memory of all parts".formatted(RUNS);
  }

  @Override
  public Stand stand() {
    return Stand.SCRIPTED;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    Runs runs = scene.runs();
    Await.until(
        "the first simulated run is running",
        Scene.LONG,
        () -> {
          // Its fleet may be made a moment after the first answer.
          if (runs.apply(Runs.with(Runs.task("first", "x"), "retry", true)).status() == 200) {
            runs.awaitStatus("first", Scene.LONG, "running", "failed");
          }
          return runs.status("first").equals("running");
        },
        () -> runs.summary("first"));
    Map<String, Long> memoryBefore = Usage.memoryKb(scene.roots());
    Usage rush = new Usage(scene.roots());
    List<String> names = Scene.names("held", RUNS);
    long begun = System.nanoTime();
    Scene.parallel(4, names, name -> runs.submit(Runs.with(Runs.task(name, "x"), "retry", true)));
    double accepted = Scene.seconds(begun);
    Await.until("all of them run", RUSH, () -> running(scene) > RUNS, () -> words(scene));
    double all = Scene.seconds(begun);
    double rushCpu = rush.allCpuSeconds() * 1000 / RUNS;
    scene.awaitQuiet(0.7);
    // What the rush has left is cleared away in the first calm moment.
    Usage.over(Duration.ofSeconds(25));
    Usage usage = new Usage(scene.roots());
    Usage.over(Duration.ofSeconds(60));
    Map<String, Double> percent = usage.percent();
    Map<String, Long> memory = Usage.memoryKb(scene.roots());
    Map<String, Double> each = new LinkedHashMap<>();
    memory.forEach((part, kb) -> each.put(part, (kb - memoryBefore.get(part)) / 1024.0 / RUNS));
    scene.table().number("running_accept_seconds", accepted);
    scene.table().number("running_all_running_seconds", all);
    scene.table().number("running_rush_cpu_ms_each", rushCpu);
    scene.table().number("running_percent_of_core", percent);
    scene.table().number("running_mb_each", each);
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 0.5 core, ≤ 0.5 MB each",
            Table.number(Scene.sum(percent) / 100, 2)
                + " core ("
                + Scene.shown(percent, 1)
                + "), "
                + Table.number(Scene.sum(each), 2)
                + " MB each ("
                + Scene.shown(each, 2)
                + "); accepted in "
                + Table.number(accepted, 0)
                + " s, all running after "
                + Table.number(all, 0)
                + " s, "
                + Table.number(rushCpu, 0)
                + " ms of CPU each",
            "");
  }

  private static int running(Scene scene) throws SQLException {
    // Asked for once a second at most: it is no part of what is measured.
    Usage.over(Duration.ofSeconds(1));
    return scene.count("select count(*) from views.run_view where status = 'running'");
  }

  private static String words(Scene scene) {
    try {
      return running(scene) + " run";
    } catch (SQLException e) {
      return e.toString();
    }
  }
}
