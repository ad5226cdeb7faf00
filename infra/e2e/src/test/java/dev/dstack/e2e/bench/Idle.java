package dev.dstack.e2e.bench;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** A thousand machines that nobody uses. */
final class Idle implements Measurement {
  static final int INSTANCES = Integer.getInteger("bench.idle", 1000);

  @Override
  public String key() {
    return "idle";
  }

  @Override
  public String what() {
    return "holding %,d idle instances (scripted): CPU and memory of all parts"
        .formatted(INSTANCES);
  }

  @Override
  public Stand stand() {
    return Stand.CROWD;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    Map<String, Long> before = Usage.memoryKb(scene.roots());
    double created = Fleets.create(scene, "crowd", INSTANCES);
    scene.awaitQuiet(0.3);
    Usage usage = new Usage(scene.roots());
    Usage.over(Duration.ofSeconds(60));
    Map<String, Double> percent = usage.percent();
    Map<String, Long> memory = Usage.memoryKb(scene.roots());
    Map<String, Double> each = new LinkedHashMap<>();
    memory.forEach((part, kb) -> each.put(part, (kb - before.get(part)) / 1024.0 / INSTANCES));
    scene.table().number("idle_percent_of_core", percent);
    scene.table().number("idle_mb_each", each);
    scene.table().number("idle_all_ready_seconds", created);
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 10 % of a core, ≤ 1 MB each",
            Table.number(Scene.sum(percent), 1)
                + " % ("
                + Scene.shown(percent, 1)
                + "), "
                + Table.number(Scene.sum(each), 2)
                + " MB each ("
                + Scene.shown(each, 2)
                + "); all ready after "
                + Table.number(created, 0)
                + " s",
            "");
  }
}
