package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Runs;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Which of ten thousand offers and a thousand machines a run could take, asked over HTTP. */
final class Decide implements Measurement {
  @Override
  public String key() {
    return "decide";
  }

  @Override
  public String what() {
    return "plan of a run out of 10,000 offers and 1,000 instances, whole request";
  }

  @Override
  public Stand stand() {
    return Stand.CROWD;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    int instances = scene.count("select count(*) from views.instance_view where status = 'idle'");
    if (instances == 0) {
      Fleets.create(scene, "crowd", Idle.INSTANCES);
      instances = Idle.INSTANCES;
    }
    scene.awaitQuiet(0.3);
    Map<String, Object> spec = Runs.task("planned", "x");
    List<Double> took = new ArrayList<>();
    int offers = 0;
    for (int i = 0; i < 40; i++) {
      long begun = System.nanoTime();
      Api.Reply reply =
          scene
              .api()
              .post("/api/project/main/runs/get_plan", Map.of("run_spec", spec, "max_offers", 100));
      double millis = Scene.seconds(begun) * 1000;
      offers = reply.ok().at("/job_plans/0/total_offers").asInt();
      if (i >= 15) {
        took.add(millis);
      }
    }
    Statistics statistics = Statistics.of(took);
    scene.table().number("decide_ms", statistics.sorted());
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 50 ms for the decision",
            statistics.shown(1, "ms")
                + " with "
                + instances
                + " instances; "
                + offers
                + " offers fit",
            "");
  }
}
