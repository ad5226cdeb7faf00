package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Metrics to the real CLI and the real Prometheus; logs to a CloudWatch that moto plays. */
@Tag("system")
final class MetricsAndLogStoresTest {
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final String GROUP = "dstack-e2e";
  private static final String REGION = "eu-west-1";
  private static final String SCRAPE_TOKEN = "e2e-scrape-token";
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private static @Nullable Process moto;
  private static URI cloudWatch;
  private static ServerProcess server;
  private static Runs local;
  private static Runs simulated;

  @BeforeAll
  static void start() throws Exception {
    Path program = motoServer();
    assumeTrue(Files.isExecutable(program), "moto is not installed: there is no " + program);
    int port = ServerProcess.freePort();
    cloudWatch = URI.create("http://127.0.0.1:" + port);
    moto =
        new ProcessBuilder(program.toString(), "-H", "127.0.0.1", "-p", Integer.toString(port))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Await.until("moto answers", LIMIT, () -> aws("DescribeLogGroups", "{}").contains("logGroups"));
    aws("CreateLogGroup", "{\"logGroupName\": \"" + GROUP + "\"}");
    server =
        ServerProcess.start(
            """
            projects:
            - name: main
              backends:
              - type: local
            - name: sim
              backends:
              - type: scripted
                create_delay: 0s
                instance_types:
                - {name: h100, cpus: 32, memory: 256GB, disk: 1TB, gpus: ["H100:80GB:2"], price: 5}
                job: {duration: 10m}
            """,
            Map.of(
                "DSTACK_ENABLE_PROMETHEUS_METRICS",
                "1",
                "DSTACK_PROMETHEUS_AUTH_TOKEN",
                SCRAPE_TOKEN,
                "DSTACK_SERVER_CLOUDWATCH_LOG_GROUP",
                GROUP,
                "DSTACK_SERVER_CLOUDWATCH_LOG_REGION",
                REGION,
                "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
                cloudWatch.toString(),
                "AWS_ACCESS_KEY_ID",
                "testing",
                "AWS_SECRET_ACCESS_KEY",
                "testing"));
    local = server.runs();
    simulated = new Runs(server.api(), "sim");
  }

  private static Path motoServer() {
    String venv = System.getenv("E2E_MOTO_VENV");
    return (venv == null ? Repository.root().resolve(".venv-moto") : Path.of(venv))
        .resolve("bin/moto_server");
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
    if (moto != null) {
      moto.destroy();
    }
  }

  @Test
  void theRealCliShowsWhatAJobUses() {
    gpuRun("gpu-metrics");
    String path = "/api/project/sim/metrics/job/gpu-metrics?limit=100";
    Await.until(
        "there are samples", LIMIT, () -> !server.api().get(path).ok().path("metrics").isEmpty());
    JsonNode metrics = server.api().get(path).ok().path("metrics");
    List<String> names =
        metrics.valueStream().map(metric -> metric.path("name").asString("")).toList();
    assertThat(names)
        .contains("cpu_usage_percent", "gpus_detected_num", "gpu_util_percent_gpu1")
        .doesNotHaveDuplicates();
    UpstreamCli cli = new UpstreamCli(server.home());
    cli.run(
            "project",
            "add",
            "--name",
            "sim",
            "--url",
            server.base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    cli.run("metrics", "gpu-metrics", "--project", "sim").ok().says("gpu=0", "gpu=1", "GB");
    server.api().get("/api/project/sim/metrics/job/no-such-run").refused(400, "Found no job");
    simulated.abort("gpu-metrics");
  }

  @Test
  void theRealPrometheusScrapesEverything() throws Exception {
    assumeTrue(installed("prometheus"), "the Debian package prometheus is not installed");
    gpuRun("gpu-scraped");
    Api anonymous = server.api().withToken(null);
    anonymous.get("/metrics").refused(403);
    String page = server.api().withToken(SCRAPE_TOKEN).get("/metrics").text();
    assertThat(page)
        .contains("# TYPE dstack_run_count_total counter")
        .contains("# TYPE dstack_instance_price_dollars_per_hour gauge")
        .contains("temporal_");
    int port = ServerProcess.freePort();
    Path directory = Files.createTempDirectory("dstack-e2e-prometheus-");
    Path config = directory.resolve("prometheus.yml");
    Files.writeString(
        config,
        """
        scrape_configs:
        - job_name: dstack
          scrape_interval: 1s
          authorization: {credentials: %s}
          static_configs:
          - targets: ["127.0.0.1:%d"]
        """
            .formatted(SCRAPE_TOKEN, server.port()));
    Process prometheus =
        new ProcessBuilder(
                "prometheus",
                "--config.file=" + config,
                "--storage.tsdb.path=" + directory.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("out").toFile())
            .start();
    try {
      for (String query :
          List.of(
              "dstack_instance_gpu_count{dstack_backend=\"remote\",dstack_gpu=\"H100\"}",
              "dstack_run_count_total{dstack_project_name=\"sim\",dstack_user_name=\"admin\"}",
              "dstack_job_gpu_count{dstack_run_name=\"gpu-scraped\",dstack_run_type=\"task\"}",
              "dstack_job_cpu_time_seconds_total{dstack_run_name=\"gpu-scraped\"} > 0",
              "dstack_job_gpu_usage_ratio{dstack_gpu_num=\"1\"} > 0",
              "DCGM_FI_DEV_GPU_TEMP{gpu=\"1\",dstack_run_name=\"gpu-scraped\"}",
              "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{dstack_job_num=\"0\"}",
              "dstack_submit_to_provision_duration_seconds_bucket{run_type=\"task\",le=\"15.0\"}",
              "up == 1")) {
        Await.until(query, LIMIT, () -> !query(port, query).isEmpty());
      }
    } finally {
      prometheus.destroy();
      prometheus.waitFor();
      Repository.delete(directory);
    }
    simulated.abort("gpu-scraped");
  }

  /** The server dies while it writes; not a line is lost or shown twice. */
  @Test
  void aLogInCloudWatchIsWholeAfterACrash() {
    int lines = 4_000;
    local.submit(
        "cw-crash", "for i in $(seq 1 " + lines + "); do echo \"line $i\"; sleep 0.001; done");
    local.awaitStatus("cw-crash", LIMIT, "running");
    String job = Runs.submissionId(local.get("cw-crash"));
    Await.until(
        "the log has begun",
        LIMIT,
        () -> !local.logs("cw-crash", job, null, 1).path("logs").isEmpty());
    server.kill9();
    server.startAgain().awaitReady();
    assertThat(local.awaitEnd("cw-crash", LIMIT).path("status").asString()).isEqualTo("done");
    assertThat(local.output("cw-crash", job, 100))
        .isEqualTo(
            IntStream.rangeClosed(1, lines)
                .mapToObj(i -> "line " + i + "\n")
                .collect(Collectors.joining()));
    assertThat(local.logs("cw-crash", job, null, 1).path("external_url").asString(""))
        .contains("console.aws.amazon.com", GROUP);
    assertThat(aws("DescribeLogStreams", "{\"logGroupName\": \"" + GROUP + "\"}"))
        .contains("main/cw-crash/" + job + "/job");
  }

  private static void gpuRun(String name) {
    Map<String, Object> spec = Runs.task(name, "true");
    Runs.configuration(spec)
        .put(
            "resources",
            Map.of("gpu", "H100:80GB:2", "cpu", "1..", "memory", "1GB..", "disk", "1GB.."));
    simulated.submit(spec);
    simulated.awaitStatus(name, LIMIT, "running");
  }

  private static boolean installed(String program) {
    try {
      return new Command(List.of(program, "--version")).run().exit() == 0;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private static JsonNode query(int port, String query) throws Exception {
    URI uri =
        URI.create(
            "http://127.0.0.1:"
                + port
                + "/api/v1/query?query="
                + URLEncoder.encode(query, StandardCharsets.UTF_8));
    try {
      String body =
          HTTP.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
              .body();
      return Api.JSON.readTree(body).path("data").path("result");
    } catch (IOException e) {
      return Api.JSON.createArrayNode();
    }
  }

  /** The answer; empty when nobody answers. */
  private static String aws(String action, String body) {
    try {
      return HTTP.send(
              HttpRequest.newBuilder(cloudWatch)
                  .header("X-Amz-Target", "Logs_20140328." + action)
                  .header("Content-Type", "application/x-amz-json-1.1")
                  .header(
                      "Authorization",
                      "AWS4-HMAC-SHA256 Credential=testing/20260101/"
                          + REGION
                          + "/logs/aws4_request")
                  .POST(HttpRequest.BodyPublishers.ofString(body))
                  .build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
