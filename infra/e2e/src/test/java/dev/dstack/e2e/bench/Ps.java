package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.UpstreamCli;
import java.util.ArrayList;
import java.util.List;

/** The command that people give most often. */
final class Ps implements Measurement {
  @Override
  public String key() {
    return "ps";
  }

  @Override
  public String what() {
    return "`ps` of the CLI";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) {
    scene.cli("ps", "-a").run().ok();
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      took.add(scene.cli("ps", "-a").run().ok().took().toNanos() / 1e9);
    }
    List<String> theirs = new ArrayList<>();
    if (scene.withUpstream()) {
      theirs.add(Table.number(upstreamsClient(scene), 2) + " s (its CLI, our server)");
    }
    UpstreamServer upstream = scene.upstream();
    if (upstream != null && !Double.isNaN(upstream.psSeconds())) {
      theirs.add(Table.number(upstream.psSeconds(), 2) + " s (its CLI, its server)");
    }
    Statistics statistics = Statistics.of(took);
    scene.table().number("ps_seconds", statistics.sorted());
    scene
        .table()
        .row(
            key(),
            what(),
            "≤ 0.45 s, aim 0.3 s",
            statistics.shown(2, "s"),
            String.join(", ", theirs));
  }

  private static double upstreamsClient(Scene scene) {
    UpstreamCli cli = upstreamsCli(scene);
    List<Double> took = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      took.add(cli.run("ps", "-a").ok().took().toNanos() / 1e9);
    }
    scene.table().number("ps_upstream_cli_our_server_seconds", took);
    return Statistics.of(took).median();
  }

  /** Upstream's CLI with our server as its project. */
  static UpstreamCli upstreamsCli(Scene scene) {
    UpstreamCli cli = new UpstreamCli(scene.server().home());
    cli.run(
            "project",
            "add",
            "--name",
            "main",
            "--url",
            scene.server().base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    return cli;
  }
}
