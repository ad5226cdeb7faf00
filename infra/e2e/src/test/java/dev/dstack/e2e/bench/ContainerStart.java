package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Runs;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** From an accepted task to its command's first line, against what the engine itself takes. */
final class ContainerStart implements Measurement {
  private static final String NOW = "/usr/bin/date +%s%N";
  private static final int ROUNDS = 9;

  @Override
  public String key() {
    return "container";
  }

  @Override
  public String what() {
    return "task accepted → first line of its command, cached image, beyond `docker run`";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) {
    String image = scene.image();
    scene.awaitContainersStartFast();
    Docker.run("run", "--rm", image, "/bin/sh", "-c", NOW).ok();
    List<Double> engine = new ArrayList<>();
    List<Double> ours = new ArrayList<>();
    List<Double> beyond = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      double begun = now();
      String line = Docker.run("run", "--rm", image, "/bin/sh", "-c", NOW).ok().out().strip();
      double byEngine = Double.parseDouble(line) / 1e9 - begun;
      double byUs = run(scene, "start-" + i);
      // The first ones find nothing in memory.
      if (i >= 2) {
        engine.add(byEngine);
        ours.add(byUs);
        beyond.add(byUs - byEngine);
      }
    }
    scene.table().number("container_docker_run_seconds", engine);
    scene.table().number("container_first_line_seconds", ours);
    Statistics more = Statistics.of(beyond);
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 0.7 s",
            more.shown(2, "s")
                + ": "
                + Statistics.of(ours).shown(2, "s")
                + " against "
                + Statistics.of(engine).shown(2, "s"),
            "");
  }

  /** Seconds from the answer to the submission to the line's own time. */
  private static double run(Scene scene, String name) {
    Runs runs = scene.runs();
    runs.submit(scene.inImage(Runs.task(name, NOW)));
    double accepted = now();
    runs.awaitStatus(name, Scene.LONG, "done", "failed");
    List<String> lines = runs.lines(name);
    if (lines.size() != 1) {
      throw new AssertionError(runs.summary(name) + ": " + lines);
    }
    return Double.parseDouble(lines.getFirst().strip()) / 1e9 - accepted;
  }

  private static double now() {
    Instant now = Instant.now();
    return now.getEpochSecond() + now.getNano() / 1e9;
  }
}
