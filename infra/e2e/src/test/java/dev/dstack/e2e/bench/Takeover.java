package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Runs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A server killed and started again: when it knows what has become of its jobs. */
final class Takeover implements Measurement {
  private static final int RUNS = 10;
  private static final int ROUNDS = 3;

  @Override
  public String key() {
    return "takeover";
  }

  @Override
  public String what() {
    return "server killed (-9) and started: 10 jobs that ended meanwhile are done";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    List<Double> fromStart = new ArrayList<>();
    List<Double> fromAnswer = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      Path file = scene.server().home().resolve("go-" + round);
      List<String> names = Scene.names("left-" + round, RUNS);
      for (String name : names) {
        scene.runs().submit(Runs.task(name, "while [ ! -e " + file + " ]; do sleep 0.1; done"));
      }
      for (String name : names) {
        scene.runs().awaitStatus(name, Scene.LONG, "running");
      }
      scene.server().kill9();
      Files.createFile(file);
      long begun = System.nanoTime();
      scene.server().startAgain();
      double answered = Scene.seconds(begun);
      for (String name : names) {
        scene.runs().awaitStatus(name, Scene.LONG, "done");
      }
      double done = Scene.seconds(begun);
      fromStart.add(done);
      fromAnswer.add(done - answered);
    }
    Statistics since = Statistics.of(fromAnswer);
    scene.table().number("takeover_seconds_from_first_answer", since.sorted());
    scene.table().number("takeover_seconds_from_start", Statistics.of(fromStart).sorted());
    scene
        .table()
        .row(
            key(),
            what(),
            "",
            since.shown(1, "s")
                + " after its first answer, "
                + Table.number(Statistics.of(fromStart).median(), 1)
                + " s after its start",
            "");
  }
}
