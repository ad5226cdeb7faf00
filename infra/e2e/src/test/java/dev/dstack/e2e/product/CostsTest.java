package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** What a started server says that capacity has cost: simulated machines at a dollar a second. */
@Tag("system")
@Timeout(300)
@ExtendWith(SharedServer.class)
final class CostsTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String PROJECT = "costs";
  private static final Offset<Double> ROUNDED = within(0.0002);

  private Api api;

  private static String path(String rest) {
    return "/api/project/" + PROJECT + "/" + rest;
  }

  private JsonNode costs() {
    return api.post(path("costs/get"), Map.of()).ok();
  }

  /** The same rule everywhere, so what is the same is equal to the last digit that is shown. */
  @Test
  void theApiTheRunAndTheCliSayTheSame(ServerProcess server) throws IOException {
    api = server.api();
    api.post("/api/projects/create", Map.of("project_name", PROJECT)).ok();
    api.post(
            path("backends/create_yaml"),
            Map.of(
                "config_yaml",
                """
                type: scripted
                pool: costs
                instances: 1
                regions: [here]
                create_delay: 0s
                instance_types:
                - {name: dear, cpus: 2, memory: 8GB, disk: 200GB, price: 3600}
                job: {start_delay: 0s, duration: 2s, lines: 1, rate: 1, text: "step {n}"}
                """))
        .ok();
    Runs runs = new Runs(api, PROJECT);
    JsonNode before = costs();
    assertThat(before.path("total").asDouble()).isZero();

    runs.submit("dear-run", "true");
    JsonNode run = runs.awaitEnd("dear-run", LIMIT);
    assertThat(run.path("status").asString()).as(runs.summary("dear-run")).isEqualTo("done");

    JsonNode costs = costs();
    assertThat(costs.at("/runs/items")).hasSize(1);
    JsonNode ofRun = costs.at("/runs/items/0");
    assertThat(ofRun.path("name").asString()).isEqualTo("dear-run");
    // It has ended, so nothing of it grows any more.
    assertThat(runs.get("dear-run").path("cost").asDouble())
        .isEqualTo(ofRun.path("cost").asDouble())
        .isEqualTo(costs.at("/runs/cost").asDouble())
        .isPositive();
    assertThat(costs.at("/instances/count").asInt()).isOne();
    assertThat(costs.at("/instances/cost").asDouble())
        .as("the instance is paid for longer than the run had it")
        .isGreaterThan(ofRun.path("cost").asDouble());
    assertThat(costs.path("total").asDouble())
        .isCloseTo(
            costs.at("/instances/cost").asDouble() + costs.at("/volumes/cost").asDouble(), ROUNDED);

    String fleet = api.post(path("fleets/list"), Map.of()).ok().at("/0/name").asString();
    // The run is over a moment before its place is free.
    Await.until(
        "the fleet is deleted",
        LIMIT,
        () -> api.post(path("fleets/delete"), Map.of("names", List.of(fleet))).status() == 200);
    JsonNode settled =
        Await.value(
            "the instance is paid for no longer",
            LIMIT,
            () ->
                Optional.of(costs())
                    .filter(one -> !one.at("/instances/items/0/until").asString("").isEmpty()),
            () -> costs().toString());
    assertThat(costs().path("total")).isEqualTo(settled.path("total"));

    Cli cli =
        new Cli(
            Files.createDirectories(server.home().resolve("costs-own")),
            server.base(),
            PROJECT,
            ServerProcess.TOKEN);
    cli.run("cost", "--since", "1d").ok().says("Used by runs", "dear-run", "instance");
    String json = cli.run("cost", "--json").ok().out();
    assertThat(Json.lenient().readTree(json).path("total").asDouble())
        .isEqualTo(settled.path("total").asDouble());
  }
}
