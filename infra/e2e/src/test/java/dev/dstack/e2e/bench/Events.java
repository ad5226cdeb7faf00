package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Histories;
import java.util.Map;
import java.util.TreeMap;

/** How much Temporal has to keep of one run. */
final class Events implements Measurement {
  @Override
  public String key() {
    return "events";
  }

  @Override
  public String what() {
    return "history events of a one-job run, all workflows";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) {
    try (Histories histories = Histories.of(scene.server())) {
      Map<String, Long> before = histories.lengthsWhenQuiet(Scene.LONG);
      scene.timed("events");
      Map<String, Long> after = histories.lengthsWhenQuiet(Scene.LONG);
      Map<String, Long> grown = new TreeMap<>();
      after.forEach(
          (workflow, length) -> {
            long more = length - before.getOrDefault(workflow, 0L);
            if (more > 0) {
              grown.put(workflow.replaceAll("[ ].*", ""), more);
            }
          });
      long sum = grown.values().stream().mapToLong(Long::longValue).sum();
      scene.table().number("events_per_run", sum);
      scene.table().number("events_per_run_by_workflow", grown);
      scene.table().row(key(), what(), "≤ 120, aim 80", Long.toString(sum), "");
    }
  }
}
