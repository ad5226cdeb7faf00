package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/**
 * What a run is told of its way to a machine, while it waits and long after; and what is on offer.
 */
@Tag("system")
@ExtendWith(SharedServer.class)
final class WhyTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String PROJECT = "why";
  private static final String FULL = "why-full";

  private static boolean prepared;

  private ServerProcess server;
  private Api api;

  @BeforeEach
  void projects(ServerProcess shared) {
    server = shared;
    api = shared.api();
    if (!prepared) {
      project(PROJECT, 20, "failures: {no_capacity: {first: 1}}");
      project(FULL, 0, "");
      prepared = true;
    }
  }

  private void project(String name, int instances, String more) {
    api.post("/api/projects/create", Map.of("project_name", name)).ok();
    api.post(
            "/api/project/" + name + "/backends/create_yaml",
            Map.of(
                "config_yaml",
                """
                type: scripted
                pool: %s
                instances: %d
                regions: [here]
                create_delay: 0s
                instance_types:
                - {name: small, cpus: 2, memory: 8GB, disk: 200GB, price: 0.1}
                - {name: gpu, cpus: 8, memory: 32GB, disk: 200GB, price: 0.5, gpus: ["T4:16GB:2"]}
                job: {start_delay: 0s, duration: 1s, lines: 1, rate: 1, text: "step {n}"}
                %s
                """
                    .formatted(name, instances, more)))
        .ok();
    Await.until(
        "the fleet of " + name,
        LIMIT,
        () -> !api.post("/api/project/" + name + "/fleets/list").ok().isEmpty());
  }

  private Map<String, Object> task(String name, String cpu) {
    return Runs.with(
        Runs.task(name, "work"),
        "resources",
        Map.of("cpu", cpu, "memory", "1GB..", "disk", "1GB.."));
  }

  private JsonNode why(String project, String run) {
    return api.post("/api/project/" + project + "/runs/why", Map.of("run_name", run)).ok();
  }

  private Cli cli(String project) throws IOException {
    return new Cli(
        Files.createDirectories(server.home().resolve("why-own-" + project)),
        server.base(),
        project,
        ServerProcess.TOKEN);
  }

  @Test
  void anOfferThatCouldNotBeHadIsNamedAlsoAfterTheEnd() throws IOException {
    Runs runs = new Runs(api, PROJECT);
    runs.submit(task("why-second", "2.."));
    JsonNode run = runs.awaitEnd("why-second", LIMIT);
    assertThat(run.path("status").asString()).as(runs.summary("why-second")).isEqualTo("done");

    JsonNode why = why(PROJECT, "why-second");

    assertThat(why.path("live").asBoolean()).isFalse();
    assertThat(why.path("summary").asString()).startsWith("is done; it ran on ");
    JsonNode fleet = why.at("/attempts/0/fleets/0");
    assertThat(fleet.path("outcome").asString()).as("%s", why).isEqualTo("granted");
    assertThat(fleet.path("refusals").toString())
        .contains("offer scripted here small $0.10")
        .contains("no capacity, as the script says");
    assertThat(why.at("/attempts/0/jobs/0/instance").asString())
        .contains("scripted here gpu $0.50");
    cli(PROJECT)
        .run("why", "why-second")
        .ok()
        .says("is done", "offer scripted here small $0.10: no capacity, as the script says");
  }

  @Test
  void aRunThatWaitsSaysForWhatAndUntilWhen() throws IOException {
    Runs runs = new Runs(api, PROJECT);
    runs.submit(
        Runs.with(
            task("why-waits", "64.."),
            "retry",
            Map.of("on_events", List.of("no-capacity"), "duration", "1h")));
    Await.until(
        "the run waits",
        LIMIT,
        () -> !why(PROJECT, "why-waits").path("next_attempt_at").asString("").isEmpty());

    JsonNode why = why(PROJECT, "why-waits");
    assertThat(why.path("live").asBoolean()).as("%s", why).isTrue();
    assertThat(why.path("waiting_for").asString()).contains("capacity in fleet", "1 of 1");
    assertThat(why.path("gives_up_at").asString()).isNotEmpty();
    assertThat(why.at("/now/0/refusals").toString()).contains("cpus: 2 or 8 free, asked 64");
    cli(PROJECT)
        .run("why", "why-waits")
        .ok()
        .says("Waits for", "Next attempt", "cpus: 2 or 8 free, asked 64");

    api.post(
            "/api/project/" + PROJECT + "/runs/stop",
            Map.of("runs_names", List.of("why-waits"), "abort", false))
        .ok();
    runs.awaitEnd("why-waits", LIMIT);
    JsonNode after = why(PROJECT, "why-waits");
    assertThat(after.path("live").asBoolean()).isFalse();
    assertThat(after.path("waiting_for").isNull()).isTrue();
    assertThat(after.at("/attempts/0/fleets/0/refusals").toString())
        .contains("cpus: 2 or 8 free, asked 64");
  }

  @Test
  void aRunThatFoundNothingSaysWhatWasWrongWithAll() throws IOException {
    Runs runs = new Runs(api, FULL);
    runs.submit(task("why-nothing", "2.."));
    JsonNode run = runs.awaitEnd("why-nothing", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("failed");

    JsonNode why = why(FULL, "why-nothing");

    assertThat(why.path("summary").asString()).contains("no capacity");
    JsonNode fleet = why.at("/attempts/0/fleets/0");
    assertThat(fleet.path("outcome").asString()).as("%s", why).isEqualTo("refused");
    assertThat(fleet.path("refusals")).isNotEmpty();
    cli(FULL).run("why", "why-nothing").ok().says("failed", "refused");
    cli(FULL).run("why", "no-such-run").fails().says("There is no run `no-such-run`");
  }

  @Test
  void offersAreGroupedForBothClients() throws IOException {
    Await.until(
        "the offers to be known",
        LIMIT,
        () ->
            cli(PROJECT)
                .run("offer", "--group-by", "gpu,backend", "--json")
                .ok()
                .out()
                .contains("T4"));
    cli(PROJECT).run("offer", "--group-by", "gpu", "--gpu", "T4:2").ok().says("T4:16GB:2", "0.25");

    UpstreamCli dstack = new UpstreamCli(server.home().resolve("why-upstream"));
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
    dstack.run("offer", "--project", PROJECT, "--gpu", "T4").ok().says("gpu", "$0.5");
    dstack.run("offer", "--project", PROJECT, "--group-by", "gpu,count").ok().says("T4");
  }
}
