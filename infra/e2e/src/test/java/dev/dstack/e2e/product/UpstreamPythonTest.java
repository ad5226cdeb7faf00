package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Upstream's Python client, {@code dstack.api.Client}: the script says what it saw. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class UpstreamPythonTest {
  @Test
  void plansAppliesListsStopsAndReads(ServerProcess server) {
    String out =
        new UpstreamCli(server.home())
            .script("client_api.py", server.base().toString(), "main", ServerProcess.TOKEN)
            .limit(Duration.ofSeconds(240))
            .run()
            .ok()
            .out();
    JsonNode seen = Api.JSON.readTree(out.lines().reduce((a, b) -> b).orElse("{}"));
    assertThat(seen.path("plan_offers").asInt()).isEqualTo(1);
    assertThat(seen.path("plan_backend").asString()).isEqualTo("remote");
    assertThat(seen.path("plan_action").asString()).isEqualTo("create");
    assertThat(seen.path("applied_name").asString()).isEqualTo("py-plan");
    assertThat(seen.path("plan_status").asString()).isEqualTo("done");
    assertThat(seen.path("plan_logs").asString()).contains("echo from the client".substring(5));
    assertThat(seen.path("listed").toString()).contains("py-plan", "py-long");
    assertThat(seen.path("stopped_status").asString()).isEqualTo("terminated");
    assertThat(seen.path("stopped_reason").asString()).isEqualTo("stopped_by_user");
    assertThat(seen.path("aborted_status").asString()).isEqualTo("terminated");
    assertThat(seen.path("aborted_reason").asString()).isEqualTo("aborted_by_user");
    assertThat(seen.path("missing").asBoolean()).isTrue();
  }
}
