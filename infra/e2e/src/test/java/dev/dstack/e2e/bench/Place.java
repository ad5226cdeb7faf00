package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Runs;
import java.time.Duration;
import java.util.List;

/** How many jobs a second one fleet finds places for. */
final class Place implements Measurement {
  private static final int RUNS = Integer.getInteger("bench.place", 200);

  @Override
  public String key() {
    return "place";
  }

  @Override
  public String what() {
    return "%d runs of one job on a ready fleet (scripted): placed per second".formatted(RUNS);
  }

  @Override
  public Stand stand() {
    return Stand.FLEET;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    if (scene.count("select count(*) from views.instance_view where status = 'idle'") == 0) {
      Fleets.create(scene, "many", 200);
    }
    scene.awaitQuiet(0.3);
    List<String> names = Scene.names("placed", RUNS);
    Usage usage = new Usage(scene.roots());
    long begun = System.nanoTime();
    Scene.parallel(4, names, name -> scene.runs().submit(Runs.task(name, "x")));
    double accepted = Scene.seconds(begun);
    double placed = await(scene, begun, "instance_id is not null");
    double running = await(scene, begun, "status = 'running'");
    double cpu = usage.allCpuSeconds() * 1000 / RUNS;
    scene.table().number("place_jobs_per_second", RUNS / placed);
    scene.table().number("place_accepted_seconds", accepted);
    scene.table().number("place_all_running_seconds", running);
    scene
        .table()
        .row(
            key(),
            what(),
            "≥ 30/s",
            Table.number(RUNS / placed, 0)
                + "/s from the first submission to the last place; all accepted after "
                + Table.number(accepted, 1)
                + " s, running after "
                + Table.number(running, 1)
                + " s, "
                + Table.number(cpu, 0)
                + " ms of CPU each",
            "");
    scene.abortAll(names);
    scene.awaitQuiet(0.3);
  }

  private static double await(Scene scene, long begun, String condition)
      throws java.sql.SQLException {
    String query =
        "select count(*) from views.job_view j join records.run_submission r on r.id = j.run_id"
            + " where r.run_name like 'placed-%' and j."
            + condition;
    int there = scene.count(query);
    while (there < RUNS) {
      if (Scene.seconds(begun) > 300) {
        throw new AssertionError(there + " of " + RUNS + " have " + condition);
      }
      Usage.over(Duration.ofMillis(200));
      there = scene.count(query);
    }
    return Scene.seconds(begun);
  }
}
