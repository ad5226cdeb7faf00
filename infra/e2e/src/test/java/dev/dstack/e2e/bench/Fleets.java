package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.ServerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;

/** Fleets of simulated machines. */
final class Fleets {
  private static final Duration LIMIT = Duration.ofMinutes(8);

  private Fleets() {}

  /** Seconds from the submission to the last idle instance. */
  static double create(Scene scene, String name, int nodes) throws IOException {
    Files.writeString(
        scene.server().cli().directory().resolve(name + ".dstack.yml"),
        """
        type: fleet
        name: %s
        nodes: %d
        placement: cluster
        resources:
          cpu: 4
          memory: 8GB..
          disk: 50GB..
        """
            .formatted(name, nodes));
    long begun = System.nanoTime();
    scene.cli("apply", "-f", name + ".dstack.yml", "-y", "-d").limit(LIMIT).run().ok();
    Await.until(
        nodes + " instances are idle",
        LIMIT,
        () -> {
          Usage.over(Duration.ofSeconds(1));
          return idle(scene) >= nodes;
        },
        () -> ServerProcess.tail(scene.server().log(), 3000));
    return Scene.seconds(begun);
  }

  private static int idle(Scene scene) throws java.sql.SQLException {
    return scene.count("select count(*) from views.instance_view where status = 'idle'");
  }
}
