package dev.dstack.e2e.bench;

import java.util.ArrayList;
import java.util.List;

/** A run that does nothing, with an instance that is ready: from its submission to its end. */
final class Trivial implements Measurement {
  @Override
  public String key() {
    return "trivial";
  }

  @Override
  public String what() {
    return "trivial task, instance ready: apply → done";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) {
    for (int i = 0; i < 3; i++) {
      scene.timed("warm-" + i);
    }
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      took.add(scene.timed("trivial-" + i));
    }
    Statistics statistics = Statistics.of(took);
    scene.table().number("trivial_seconds", statistics.sorted());
    scene.table().row(key(), what(), "≤ 2 s, aim 1 s", statistics.shown(2, "s"), "");
  }
}
