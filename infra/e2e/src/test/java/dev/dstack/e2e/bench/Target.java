package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Command;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/** A container that files are sent to, with the key that opens it. */
record Target(String run, Scene.Box box, SshPeer peer, Path key) {
  private static final int PORT = 10022;
  private static final int MEGABYTES = 200;

  /** Not through the engine's proxy of the port: it is no part of either server. */
  static Target start(Scene scene, String run) throws IOException {
    scene.runningContainer(run, "sleep 3000");
    Path home = scene.server().home();
    try (Attached attached = Attached.start(scene.cli("attach", run), home, run)) {
      attached.awaitHost();
      attached.awaitLogins();
      Path key = home.resolve("bench-key");
      Files.deleteIfExists(key);
      Files.copy(Path.of(attached.option("identityfile").replace("\"", "")), key);
      new Command(List.of("chmod", "600", key.toString())).run().ok();
      Path none = Files.writeString(home.resolve("no-ssh-config"), "");
      Scene.Box box = scene.box(run);
      return new Target(
          run, box, new SshPeer(attached.option("user"), box.address(), PORT, key, none), key);
    }
  }

  /** 200 MB that nothing can compress. */
  static Path file(Scene scene) throws IOException {
    Path file = scene.server().home().resolve("random");
    if (!Files.exists(file)) {
      Random random = new Random(7);
      byte[] megabyte = new byte[1_000_000];
      try (OutputStream out = Files.newOutputStream(file)) {
        for (int i = 0; i < MEGABYTES; i++) {
          random.nextBytes(megabyte);
          out.write(megabyte);
        }
      }
    }
    return file;
  }

  static double speed(double seconds) {
    return MEGABYTES / seconds;
  }
}
