package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SshHosts;
import dev.dstack.e2e.harness.SshHosts.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** An SSH host, from {@code dstack apply} of its fleet until runs can be placed on it. */
final class HostReady implements Measurement {
  private static final int ROUNDS = Integer.getInteger("bench.host", 3);
  private static final Duration LIMIT = Duration.ofMinutes(3);

  @Override
  public String key() {
    return "host";
  }

  @Override
  public String what() {
    return "SSH host: apply of its fleet → idle";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    if (!SshHosts.possible()) {
      throw new AssertionError("hosts in namespaces need root, sshd, dockerd and iproute2");
    }
    List<Double> copied = new ArrayList<>();
    List<Double> started = new ArrayList<>();
    List<Double> running = new ArrayList<>();
    try (SshHosts hosts = new SshHosts();
        var _ = AtExit.of(hosts)) {
      Host host = hosts.prepare(Map.of());
      host.start();
      Path file = fleet(scene, hosts.key(), host);
      for (int round = 0; round < ROUNDS; round++) {
        copied.add(idleAfter(scene, file));
        // Its agent runs on, and whoever has the host next ends it and starts its own.
        delete(scene, "--forget");
        running.add(idleAfter(scene, file));
        delete(scene, "--forget");
        endAgent(host);
        started.add(idleAfter(scene, file));
        delete(scene);
      }
    }
    row(scene, "host", "the runtime to be copied (36 MB)", "≤ 15 s", copied);
    row(scene, "host-there", "the runtime there, no agent", "≤ 3 s", started);
    row(scene, "host-running", "the runtime and another fleet's agent there", "≤ 3 s", running);
  }

  private void row(Scene scene, String key, String how, String aim, List<Double> seconds) {
    Statistics statistics = Statistics.of(seconds);
    scene.table().number(key.replace('-', '_') + "_idle_seconds", statistics.sorted());
    scene.table().row(key, what() + ", " + how, aim, statistics.shown(1, "s"), "");
  }

  private static Path fleet(Scene scene, Path key, Host host) throws IOException {
    return Files.writeString(
        scene.server().cli().directory().resolve("one-host.dstack.yml"),
        """
        type: fleet
        name: one-host
        ssh_config:
          user: root
          identity_file: %s
          hosts: [%s]
        """
            .formatted(key, host.address()));
  }

  /** With the start of the CLI, whose work it is to ask until the host is ready. */
  private static double idleAfter(Scene scene, Path file) {
    long begun = System.nanoTime();
    scene.cli("apply", "-f", file.toString(), "-y", "-d").limit(LIMIT).run().ok();
    while (!isIdle(scene)) {
      if (Scene.seconds(begun) > LIMIT.toSeconds()) {
        throw new AssertionError(ServerProcess.tail(scene.server().log(), 3000));
      }
      Usage.over(Duration.ofMillis(20));
    }
    return Scene.seconds(begun);
  }

  private static boolean isIdle(Scene scene) {
    JsonNode fleet =
        scene.api().post("/api/project/main/fleets/get", Map.of("name", "one-host")).ok();
    return fleet.at("/instances/0/status").asString("").equals("idle");
  }

  private static void delete(Scene scene, String... more) {
    scene.cli("fleet", "delete", "one-host", "-y").with(more).limit(LIMIT).run().ok();
  }

  /** As after a boot of a host without systemd. */
  private static void endAgent(Host host) {
    String script =
        """
        kill $(cat /var/lib/dstack-agent/keeper)
        p=$(sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' /var/lib/dstack-agent/agent/agent.json)
        kill $p
        while [ -e /proc/$p ]; do sleep 0.05; done
        """;
    host.login(script).ok();
  }
}
