package dev.dstack.e2e.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A server that was stopped, with all that it keeps. */
final class Restart implements Measurement {
  @Override
  public String key() {
    return "start";
  }

  @Override
  public String what() {
    return "server start on existing data to the first answer, with PostgreSQL and Temporal";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) {
    List<Double> took = new ArrayList<>();
    List<Double> working = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      if (!scene.server().stop(Duration.ofSeconds(60))) {
        throw new AssertionError("The server did not stop within a minute.");
      }
      long begun = System.nanoTime();
      scene.server().startAgain();
      took.add(Scene.seconds(begun));
      scene.timed("restarted-" + i);
      working.add(Scene.seconds(begun));
    }
    Statistics statistics = Statistics.of(took);
    Statistics first = Statistics.of(working);
    UpstreamServer upstream = scene.upstream();
    scene.table().number("start_seconds", statistics.sorted());
    scene.table().number("start_to_first_run_done_seconds", first.sorted());
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 10 s",
            statistics.shown(1, "s")
                + ", to a first run done "
                + Table.number(first.median(), 1)
                + " s",
            upstream == null || Double.isNaN(upstream.startSeconds())
                ? ""
                : Table.number(upstream.startSeconds(), 1) + " s");
  }
}
