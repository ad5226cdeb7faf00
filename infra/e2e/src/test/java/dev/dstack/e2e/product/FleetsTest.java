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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Fleets as people make, change, use and delete them, on simulated machines. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class FleetsTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String PROJECT = "fleets";

  private static boolean prepared;

  private ServerProcess server;
  private Api api;
  private Runs runs;

  @BeforeEach
  void project(ServerProcess shared) {
    server = shared;
    api = shared.api();
    runs = new Runs(api, PROJECT);
    if (prepared) {
      return;
    }
    api.post("/api/projects/create", Map.of("project_name", PROJECT)).ok();
    api.post(
            path("backends/create_yaml"),
            Map.of(
                "config_yaml",
                """
                type: scripted
                pool: fleets
                instances: 20
                regions: [here]
                create_delay: 0s
                instance_types:
                - {name: small, cpus: 2, memory: 8GB, disk: 200GB, price: 0.1}
                - {name: large, cpus: 8, memory: 32GB, disk: 200GB, price: 0.4}
                job: {start_delay: 0s, duration: 1s, lines: 1, rate: 1, text: "step {n}"}
                """))
        .ok();
    prepared = true;
  }

  private static String path(String rest) {
    return "/api/project/" + PROJECT + "/" + rest;
  }

  @Test
  void upstreamsCliMakesChangesAndDeletesAFleet() {
    UpstreamCli dstack = new UpstreamCli(server.home().resolve("fleets"));
    dstack
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
    fleet(dstack, "nodes: 1..4\nplacement: cluster");
    dstack.run("apply", "-f", "up-fleet.dstack.yml", "-y").ok().says("up-fleet");
    awaitInstances("up-fleet", 1);
    dstack.run("fleet", "list", "-v").ok().says("up-fleet", "idle");
    fleet(dstack, "nodes: 2..4\nplacement: cluster");
    dstack.run("apply", "-f", "up-fleet.dstack.yml", "-y").ok();
    awaitInstances("up-fleet", 2);
    dstack.run("fleet", "delete", "up-fleet", "-i", "1", "-y").ok();
    dstack.run("fleet", "delete", "up-fleet", "-y").ok();
    Await.until("the fleet is gone", LIMIT, () -> fleets().stream().noneMatch("up-fleet"::equals));
  }

  private static void fleet(UpstreamCli dstack, String fields) {
    dstack.file(
        "up-fleet.dstack.yml", "type: fleet\nname: up-fleet\nresources:\n  cpu: 2..\n" + fields);
  }

  @Test
  void ourCliAppliesTheExampleAndARunGetsABlock() throws IOException {
    Cli cli =
        new Cli(
            Files.createDirectories(server.home().resolve("fleets-own")),
            server.base(),
            PROJECT,
            ServerProcess.TOKEN);
    String example = Files.readString(Examples.directory().resolve("fleet.dstack.yml"));
    cli.file("fleet.dstack.yml", example);
    cli.run("apply", "-f", "fleet.dstack.yml", "-y").ok().says("workers", "idle");
    cli.run("apply", "-f", "fleet.dstack.yml", "-y").ok().says("nothing changed");
    cli.file("fleet.dstack.yml", example.replace("max: 4", "max: 5"));
    cli.run("apply", "-f", "fleet.dstack.yml", "-y").ok().says("nodes.max");

    // `blocks` can't be changed in place.
    cli.file("fleet.dstack.yml", example + "blocks: 2\n");
    cli.run("apply", "-f", "fleet.dstack.yml", "-y").ok().says("blocks", "0/2 busy");
    Map<String, Object> spec = Runs.task("fl-block", "work");
    spec = Runs.with(spec, "fleets", List.of("workers"));
    spec = Runs.with(spec, "resources", Map.of("cpu", "1..", "memory", "1GB..", "disk", "1GB.."));
    runs.submit(spec);
    JsonNode run = runs.awaitEnd("fl-block", LIMIT);
    assertThat(run.path("status").asString()).as(runs.summary("fl-block")).isEqualTo("done");
    assertThat(run.at("/fleet/name").asString()).isEqualTo("workers");
    cli.run("fleet", "get", "workers").ok().says("workers");
    cli.run("fleet", "delete", "workers", "-y").ok().says("Deleted");
    assertThat(fleets()).doesNotContain("workers");
  }

  @Test
  void ofTwoWhoMakeOneFleetAtOnceOneIsTold() {
    List<CompletableFuture<Integer>> answers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Map<String, Object> plan = input("fl-twice", Map.of("min", 0, "max", 1 + i));
      answers.add(
          CompletableFuture.supplyAsync(
              () -> api.post(path("fleets/apply"), Map.of("plan", plan, "force", false)).status()));
    }
    assertThat(answers.stream().map(CompletableFuture::join).sorted())
        .containsExactly(200, 400, 400, 400);
    api.post(path("fleets/delete"), Map.of("names", List.of("fl-twice"))).ok();
  }

  @Test
  void aFleetThatIsDeletedWhileARunStartsEndsWithoutARest() {
    api.post(
            path("fleets/apply"),
            Map.of("plan", input("fl-going", Map.of("min", 0, "max", 2)), "force", false))
        .ok();
    Map<String, Object> spec =
        Runs.with(Runs.task("fl-late", "work"), "fleets", List.of("fl-going"));
    runs.submit(spec);
    Api.Reply reply = api.post(path("fleets/delete"), Map.of("names", List.of("fl-going")));
    // Before the run has a machine the fleet goes, and after that it is in use.
    assertThat(reply.status()).isIn(200, 400);
    // A fleet that went without a word counts as a refusal after two minutes.
    JsonNode run = runs.awaitEnd("fl-late", LIMIT.multipliedBy(2));
    assertThat(run.path("status").asString()).isIn("done", "failed");
    Await.until(
        "the fleet is gone",
        LIMIT,
        () -> {
          if (fleets().contains("fl-going")) {
            api.post(path("fleets/delete"), Map.of("names", List.of("fl-going")));
            return false;
          }
          return true;
        });
  }

  private static Map<String, Object> input(String name, Map<String, Object> nodes) {
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("configuration", Map.of("type", "fleet", "name", name, "nodes", nodes));
    spec.put("profile", Map.of("name", "default"));
    Map<String, Object> input = new LinkedHashMap<>();
    input.put("spec", spec);
    input.put("current_resource", null);
    return input;
  }

  private List<String> fleets() {
    List<String> names = new ArrayList<>();
    api.post(path("fleets/list")).ok().forEach(one -> names.add(one.path("name").asString()));
    return names;
  }

  private void awaitInstances(String name, int count) {
    Await.until(
        count + " idle instances of " + name,
        LIMIT,
        () -> {
          int idle = 0;
          for (JsonNode one :
              api.post(path("fleets/get"), Map.of("name", name)).ok().path("instances")) {
            idle += one.path("status").asString().equals("idle") ? 1 : 0;
          }
          return idle >= count;
        });
  }
}
