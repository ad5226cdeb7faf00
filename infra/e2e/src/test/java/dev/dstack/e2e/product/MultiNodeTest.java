package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Examples;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Tasks of several nodes as people run them, on simulated machines. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class MultiNodeTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String PROJECT = "nodes";
  private static final String FLEET =
      """
      type: fleet
      name: cluster
      placement: cluster
      nodes: 3
      resources:
        cpu: 4..
      """;

  private static boolean prepared;

  private ServerProcess server;
  private Api api;
  private Runs runs;
  private UpstreamCli upstream;
  private Cli own;

  @BeforeEach
  void project(ServerProcess shared) throws IOException {
    server = shared;
    api = shared.api();
    runs = new Runs(api, PROJECT);
    upstream = new UpstreamCli(server.home().resolve("nodes"));
    own =
        new Cli(
            Files.createDirectories(server.home().resolve("nodes-own")),
            server.base(),
            PROJECT,
            ServerProcess.TOKEN);
    if (prepared) {
      return;
    }
    prepared = true;
    api.post("/api/projects/create", Map.of("project_name", PROJECT)).ok();
    api.post(
            "/api/project/" + PROJECT + "/backends/create_yaml",
            Map.of(
                "config_yaml",
                """
                type: scripted
                pool: nodes
                instances: 10
                create_delay: 0s
                instance_types:
                - {name: node, cpus: 4, memory: 16GB, disk: 200GB, price: 0.1}
                job: {start_delay: 0s, duration: 2s, lines: 1, rate: 1, text: "step {n}"}
                """))
        .ok();
    upstream
        .run(
            "project",
            "add",
            "--name",
            PROJECT,
            "--url",
            server.base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    upstream.file("cluster.dstack.yml", FLEET);
    upstream.run("apply", "-f", "cluster.dstack.yml", "-y", "-d").ok();
    Await.until("three instances are idle", LIMIT, () -> idle() == 3);
  }

  private long idle() {
    JsonNode fleet =
        api.post("/api/project/" + PROJECT + "/fleets/get", Map.of("name", "cluster")).ok();
    long idle = 0;
    for (JsonNode instance : fleet.path("instances")) {
      idle += instance.path("status").asString().equals("idle") ? 1 : 0;
    }
    return idle;
  }

  private static List<String> instances(JsonNode run) {
    List<String> ids = new ArrayList<>();
    for (JsonNode job : run.path("jobs")) {
      JsonNode last = job.path("job_submissions").path(0);
      ids.add(last.at("/job_provisioning_data/instance_id").asString());
    }
    return ids;
  }

  @Test
  void upstreamsCliRunsATaskOnThreeNodes() {
    Await.until("the fleet is free", LIMIT, () -> idle() == 3);
    upstream.file(
        "up-nodes.dstack.yml",
        """
        type: task
        name: up-nodes
        nodes: 3
        commands:
        - train
        env:
          DSTACK_SCRIPTED_DURATION: 1h
        resources:
          cpu: 1..
          memory: 1GB..
          disk: 1GB..
        """);
    upstream.run("apply", "-f", "up-nodes.dstack.yml", "-y", "-d").ok().says("up-nodes");
    JsonNode run = runs.awaitStatus("up-nodes", LIMIT, "running");
    assertThat(instances(run)).hasSize(3).doesNotHaveDuplicates().doesNotContain("");
    assertThat(run.path("jobs").path(2).at("/job_spec/job_name").asString())
        .isEqualTo("up-nodes-2-0");
    assertThat(run.path("jobs").path(2).at("/job_spec/jobs_per_replica").asInt()).isEqualTo(3);
    upstream.run("ps", "-v").ok().says("up-nodes", "job=0", "job=2");
    upstream.run("stop", "up-nodes", "-y").ok();
    JsonNode end = runs.awaitEnd("up-nodes", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("terminated");
    for (JsonNode job : end.path("jobs")) {
      assertThat(job.path("job_submissions").path(0).path("termination_reason").asString())
          .isEqualTo("terminated_by_user");
    }
  }

  @Test
  void theExamplesRunAsTheyAreWritten() throws IOException {
    for (String file : List.of("nodes.dstack.yml", "groups.dstack.yml")) {
      Await.until("the fleet is free", LIMIT, () -> idle() == 3);
      own.file(file, Files.readString(Examples.directory().resolve(file)));
      own.run("apply", "-f", file, "-y", "-d").ok();
      String name = file.substring(0, file.indexOf('.'));
      JsonNode end = runs.awaitEnd(name, LIMIT);
      assertThat(end.path("status").asString()).as(runs.summary(name)).isEqualTo("done");
      assertThat(instances(end)).hasSize(3).doesNotHaveDuplicates();
    }
  }

  @Test
  void aNodesFailureEndsTheOthers() {
    Await.until("the fleet is free", LIMIT, () -> idle() == 3);
    Map<String, Object> spec = Runs.with(Runs.task("no-fail", "train"), "nodes", 2);
    spec = Runs.with(spec, "env", Map.of("DSTACK_SCRIPTED_EXIT_STATUS", "3"));
    runs.submit(spec);
    JsonNode end = runs.awaitEnd("no-fail", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("failed");
    assertThat(end.path("termination_reason").asString()).isEqualTo("job_failed");
  }

  @Test
  void whatCannotBeIsRefusedInWords() {
    Map<String, Object> many = Runs.with(Runs.task("no-many", "x"), "nodes", 100_000);
    assertThat(runs.apply(many).text()).contains("nodes").contains("500");
    Map<String, Object> wrong =
        Runs.with(Runs.task("no-group", "ping ${{ groups[0].nodes[2].IP_ADDRESS }}"), "nodes", 2);
    assertThat(runs.apply(wrong).text()).contains("groups[0].nodes[2]").contains("0 to 1");
    Map<String, Object> four = Runs.with(Runs.task("no-room", "x"), "nodes", 4);
    runs.submit(four);
    JsonNode end = runs.awaitEnd("no-room", LIMIT);
    assertThat(end.path("status").asString()).isEqualTo("failed");
    assertThat(instances(end)).containsOnly("");
  }
}
