package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The real upstream server on this machine, for a comparison in the same minutes. It has no machine
 * to run anything on, so its runs wait, as the ones it is compared with do.
 */
record UpstreamServer(
    double startSeconds,
    double acceptedPerSecond,
    double acceptedCpuMs,
    double listMs,
    int pendingRuns,
    double pendingPercent,
    double trivialCallMs,
    double psSeconds) {
  private static final int RUNS = 100;
  private static final String TOKEN = "bench-upstream-token";

  static UpstreamServer measured(Set<String> items) {
    System.out.println("upstream's server …");
    Path home = ServerProcess.newHome();
    int port = ServerProcess.freePort();
    Process process = spawn(home, port);
    try {
      Api api = new Api(URI.create("http://127.0.0.1:" + port + "/"), TOKEN);
      awaitAnswer(api);
      double start = Double.NaN;
      if (items.contains("start")) {
        end(process);
        long begun = System.nanoTime();
        process = spawn(home, port);
        awaitAnswer(api);
        start = (System.nanoTime() - begun) / 1e9;
      }
      double accepted = Double.NaN;
      double acceptedCpu = Double.NaN;
      double list = Double.NaN;
      double percent = Double.NaN;
      double call = Double.NaN;
      double ps = Double.NaN;
      if (items.contains("pending") || items.contains("list")) {
        Runs runs = new Runs(api, "main");
        List<String> names = new ArrayList<>();
        for (int i = 0; i < RUNS; i++) {
          names.add("pending-" + i);
        }
        Map<String, Long> root = Map.of("server", process.pid());
        Usage usage = new Usage(root);
        long begun = System.nanoTime();
        Scene.parallel(
            4,
            names,
            name ->
                runs.submit(
                    Runs.with(
                        Runs.task(name, "true"),
                        "retry",
                        Map.of("on_events", List.of("no-capacity"), "duration", 86_400))));
        double seconds = (System.nanoTime() - begun) / 1e9;
        accepted = RUNS / seconds;
        acceptedCpu = usage.allCpuSeconds() * 1000 / RUNS;
        List<Double> lists = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          long one = System.nanoTime();
          api.post(
              "/api/runs/list",
              Map.of("project_name", "main", "limit", 100, "job_submissions_limit", 1));
          lists.add((System.nanoTime() - one) / 1e6);
        }
        list = Statistics.of(lists).median();
        Usage holding = new Usage(root);
        List<Double> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
          long one = System.nanoTime();
          api.post("/api/users/get_my_user").ok();
          calls.add((System.nanoTime() - one) / 1e6);
          Usage.over(Duration.ofMillis(1000));
        }
        percent = holding.percent().get("server");
        call = Statistics.of(calls).median();
      }
      if (items.contains("ps")) {
        UpstreamCli cli = new UpstreamCli(home);
        cli.run(
                "project",
                "add",
                "--name",
                "main",
                "--url",
                "http://127.0.0.1:" + port,
                "--token",
                TOKEN,
                "-y")
            .ok();
        List<Double> took = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
          took.add(cli.run("ps", "-a").ok().took().toNanos() / 1e9);
        }
        ps = Statistics.of(took).median();
      }
      return new UpstreamServer(start, accepted, acceptedCpu, list, RUNS, percent, call, ps);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      end(process);
      Repository.delete(home);
    }
  }

  private static Process spawn(Path home, int port) {
    try {
      Process process =
          new Command(
                  List.of(
                      Repository.venv().resolve("bin/dstack").toString(),
                      "server",
                      "--port",
                      Integer.toString(port),
                      "--token",
                      TOKEN,
                      "-n"))
              .env("HOME", home.toString())
              .in(home)
              .builder()
              .redirectErrorStream(true)
              .redirectOutput(home.resolve("upstream.out").toFile())
              .start();
      process.getOutputStream().close();
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitAnswer(Api api) {
    Await.until(
        "upstream's server answers",
        Duration.ofSeconds(90),
        () -> api.get("/healthcheck").status() == 200);
  }

  private static void end(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(15, java.util.concurrent.TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }
}
