package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Runs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** One task over a whole fleet. */
final class Nodes implements Measurement {
  private static final int NODES = Integer.getInteger("bench.nodes", 200);

  @Override
  public String key() {
    return "nodes";
  }

  @Override
  public String what() {
    return "task of %d nodes on a ready fleet of %d (scripted): all running"
        .formatted(NODES, NODES);
  }

  @Override
  public Stand stand() {
    return Stand.FLEET;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    double created = Fleets.create(scene, "many", NODES);
    Runs runs = scene.runs();
    scene.awaitQuiet(0.3);
    List<Double> placed = new ArrayList<>();
    List<Double> took = new ArrayList<>();
    double cpu = 0;
    for (int round = 0; round < 3; round++) {
      String name = "wide-" + round;
      Usage usage = new Usage(scene.roots());
      long begun = System.nanoTime();
      runs.submit(Runs.with(Runs.task(name, "x"), "nodes", NODES));
      await(scene, name, "instance_id is not null");
      placed.add(Scene.seconds(begun));
      await(scene, name, "status = 'running'");
      took.add(Scene.seconds(begun));
      cpu = usage.allCpuSeconds();
      scene.end(name);
      scene.awaitQuiet(0.3);
    }
    Statistics statistics = Statistics.of(took);
    double last = Statistics.of(placed).median();
    scene.table().number("nodes_placed_seconds", placed);
    scene.table().number("nodes_seconds", statistics.sorted());
    scene.table().number("nodes_fleet_ready_seconds", created);
    scene.table().number("nodes_cpu_seconds", cpu);
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 20 s",
            statistics.shown(1, "s")
                + ", "
                + Table.number(cpu, 1)
                + " s of CPU; all placed after "
                + Table.number(last, 1)
                + " s, "
                + Table.number(NODES / last, 0)
                + " jobs/s; the fleet was ready after "
                + Table.number(created, 0)
                + " s",
            "");
  }

  private static void await(Scene scene, String name, String condition)
      throws java.sql.SQLException {
    long begun = System.nanoTime();
    while (count(scene, name, condition) < NODES) {
      if (Scene.seconds(begun) > 300) {
        throw new AssertionError(
            count(scene, name, condition)
                + " nodes have "
                + condition
                + ": "
                + scene.runs().summary(name));
      }
      Usage.over(Duration.ofMillis(200));
    }
  }

  private static int count(Scene scene, String name, String condition)
      throws java.sql.SQLException {
    return scene.count(
        "select count(*) from views.job_view j join records.run_submission r on r.id = j.run_id"
            + " where j."
            + condition
            + " and r.run_name = '"
            + name
            + "'");
  }
}
