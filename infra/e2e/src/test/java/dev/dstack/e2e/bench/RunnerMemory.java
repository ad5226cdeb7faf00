package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Processes;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** The memory of the first process of a container. */
final class RunnerMemory implements Measurement {
  private static final Duration SETTLED = Duration.ofSeconds(30);

  @Override
  public String key() {
    return "runner";
  }

  @Override
  public String what() {
    return "memory of a runner at rest, in a transfer of 200 MB, and at rest again";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws IOException, InterruptedException {
    Path file = Target.file(scene);
    // Without the cache of their classes runners are larger.
    scene.awaitContainersStartFast();
    scene.runningContainer("resting", "sleep 3000");
    Processes.Memory rest;
    try {
      Scene.Box box = scene.box("resting");
      Usage.over(SETTLED);
      rest = Processes.memory(box.pid());
    } finally {
      scene.end("resting");
    }
    Target target = Target.start(scene, "sending");
    Processes.Memory most;
    Processes.Memory after;
    double first;
    try {
      long pid = target.box().pid();
      Usage.over(SETTLED);
      AtomicBoolean over = new AtomicBoolean();
      AtomicReference<Processes.Memory> peak = new AtomicReference<>(Processes.memory(pid));
      Thread watcher =
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    while (!over.get()) {
                      Processes.Memory now = Processes.memory(pid);
                      peak.updateAndGet(
                          known -> now.residentKb() > known.residentKb() ? now : known);
                      Usage.over(Duration.ofMillis(50));
                    }
                  });
      first = target.peer().sftp("put " + file + " /tmp/there");
      target.peer().sftp("get /tmp/there " + file + ".back");
      target.peer().rsync(file, "/tmp/there-rsync");
      over.set(true);
      watcher.join();
      most = peak.get();
      Usage.over(SETTLED);
      after = Processes.memory(pid);
    } finally {
      scene.end(target.run());
    }
    scene.table().number("runner_rest", rest);
    scene.table().number("runner_transfer", most);
    scene.table().number("runner_rest_after_transfer", after);
    scene.table().number("runner_first_put_mb_per_second", Target.speed(first));
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 60 MB at rest, ≤ 100 MB in a transfer",
            "resident (of it the process's own; proportional): at rest "
                + shown(rest)
                + ", most in a transfer "
                + shown(most)
                + ", at rest again "
                + shown(after)
                + " MB; its first transfer "
                + Table.number(Target.speed(first), 0)
                + " MB/s",
            "");
  }

  private static String shown(Processes.Memory memory) {
    return "%s (%s; %s)"
        .formatted(
            Table.number(memory.residentKb() / 1024.0, 0),
            Table.number(memory.anonymousKb() / 1024.0, 0),
            Table.number(memory.proportionalKb() / 1024.0, 0));
  }
}
