package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** From {@code dstack attach} to a shell in the container that asks what to do. */
final class Attach implements Measurement {
  private static final String RUN = "entered";
  private static final int ROUNDS = 7;

  @Override
  public String key() {
    return "attach";
  }

  @Override
  public String what() {
    return "`dstack attach` → the host is known → prompt of `ssh RUN`";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  /** Seconds. */
  private record Took(List<Double> host, List<Double> prompt, List<Double> both) {}

  @Override
  public void measure(Scene scene) throws IOException {
    scene.runningContainer(RUN, "sleep 3000");
    try {
      Path home = scene.server().home();
      scene.cli("ps").run().ok();
      Took ours = rounds(home, ROUNDS, () -> scene.cli("attach", RUN));
      String theirs = scene.withUpstream() ? upstream(scene, home) : "";
      scene.table().number("attach_to_host_seconds", ours.host());
      scene.table().number("attach_ssh_to_prompt_seconds", ours.prompt());
      scene.table().number("attach_to_prompt_seconds", ours.both());
      scene.table().row(key(), what(), "≤ 0.5 s", shown(ours), theirs);
    } finally {
      scene.end(RUN);
    }
  }

  /** Where it can't be measured, ours is shown all the same. */
  private static String upstream(Scene scene, Path home) throws IOException {
    UpstreamCli cli = Ps.upstreamsCli(scene);
    try {
      Took took = rounds(home.resolve("upstream-home"), 4, () -> cli.command("attach", RUN));
      scene.table().number("attach_upstream_cli_to_prompt_seconds", took.both());
      return shown(took) + " (its CLI, our server)";
    } catch (AssertionError e) {
      return "not measured: " + e.getMessage().lines().findFirst().orElse("");
    }
  }

  private interface Client {
    Command attach();
  }

  private static Took rounds(Path home, int rounds, Client client) throws IOException {
    Took took = new Took(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i <= rounds; i++) {
      long begun = System.nanoTime();
      try (Attached attached = Attached.start(client.attach(), home, RUN)) {
        attached.awaitHost();
        if (i == 0) {
          attached.awaitLogins();
        }
        double host = Scene.seconds(begun);
        attached.awaitPrompt();
        double both = Scene.seconds(begun);
        if (i > 0) {
          took.host().add(host);
          took.prompt().add(both - host);
          took.both().add(both);
        }
      }
    }
    return took;
  }

  private static String shown(Took took) {
    return Statistics.of(took.both()).shown(2, "s")
        + ", of it the login "
        + Table.number(Statistics.of(took.prompt()).median(), 2)
        + " s";
  }
}
