package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import dev.dstack.db.records.Fleets;
import dev.dstack.model.ids.FleetId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class FleetsTest {
  private static final String KEY = "-----BEGIN KEY----- canary-71c2";

  private final ApiServer server = ApiServer.shared();

  private String project() {
    String project = server.project();
    assertThat(
            server
                .post(
                    ADMIN_TOKEN,
                    "/api/project/" + project + "/backends/create_yaml",
                    Map.of("config_yaml", "type: scripted\n"))
                .status())
        .isEqualTo(200);
    return project;
  }

  private static Map<String, Object> spec(String name, String field, Object value) {
    Map<String, Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "fleet");
    configuration.put("name", name);
    configuration.put(field, value);
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("configuration", configuration);
    spec.put("profile", Map.of("name", "default"));
    return spec;
  }

  private Answer fleets(String project, String call, Object body) {
    return server.post(ADMIN_TOKEN, "/api/project/" + project + "/fleets/" + call, body);
  }

  private Answer apply(String project, Object spec, Object current, boolean force) {
    Map<String, Object> plan = new LinkedHashMap<>();
    plan.put("spec", spec);
    plan.put("current_resource", current);
    return fleets(project, "apply", Map.of("plan", plan, "force", force));
  }

  @Test
  void isMadeChangedInPlaceAndDeleted() {
    String project = project();
    JsonNode plan =
        fleets(project, "get_plan", Map.of("spec", spec("pool", "nodes", "0..2"))).json();
    assertThat(plan.get("action").stringValue()).isEqualTo("create");
    JsonNode made = apply(project, spec("pool", "nodes", "0..2"), null, false).json();
    assertThat(made.get("status").stringValue()).isEqualTo("submitted");

    assertThat(apply(project, spec("pool", "nodes", "0..3"), null, false).status()).isEqualTo(400);
    Map<String, Object> elsewhere = spec("pool", "nodes", "0..3");
    elsewhere.put("profile", Map.of("name", "default", "backends", List.of("gcp")));
    assertThat(fleets(project, "get_plan", Map.of("spec", elsewhere)).body())
        .as("what apply would refuse is not planned: the fleet there is would be deleted for it")
        .contains("it has no backend but: remote (scripted)");
    plan = fleets(project, "get_plan", Map.of("spec", spec("pool", "nodes", "0..3"))).json();
    assertThat(plan.get("action").stringValue()).isEqualTo("update");
    Answer changed =
        apply(project, spec("pool", "nodes", "0..3"), plan.get("current_resource"), false);
    assertThat(changed.status()).as(changed.body()).isEqualTo(200);
    assertThat(changed.json().at("/spec/configuration/nodes/max").intValue()).isEqualTo(3);
    assertThat(
            apply(project, spec("pool", "nodes", "0..4"), plan.get("current_resource"), false)
                .body())
        .as("somebody else has changed it since this plan")
        .contains("Plan again");

    Map<String, Object> blocks = spec("pool", "nodes", "0..3");
    blocks = new LinkedHashMap<>(blocks);
    @SuppressWarnings("unchecked")
    Map<String, Object> fields =
        new LinkedHashMap<>((Map<String, Object>) blocks.get("configuration"));
    fields.put("blocks", 2);
    blocks.put("configuration", fields);
    assertThat(apply(project, blocks, null, true).body()).contains("`blocks`");

    assertThat(
            fleets(project, "delete_instances", Map.of("name", "pool", "instance_nums", List.of(7)))
                .body())
        .contains("no instance with number 7");
    assertThat(fleets(project, "delete", Map.of("names", List.of("pool"))).status()).isEqualTo(200);
    assertThat(fleets(project, "get", Map.of("name", "pool")).json().get("status").stringValue())
        .isEqualTo("terminating");
    assertThat(apply(project, spec("pool", "nodes", "0..2"), null, true).body())
        .contains("being deleted");
  }

  @Test
  void keysOfHostsAreKeptToTheServer() {
    String project = project();
    Map<String, Object> ssh = new LinkedHashMap<>();
    ssh.put("user", "root");
    ssh.put("identity_file", "~/.ssh/id");
    ssh.put("ssh_key", Map.of("public", "ssh-ed25519 AAAA", "private", KEY));
    ssh.put("hosts", List.of("one.example", "two.example"));
    Answer made = apply(project, spec("metal", "ssh_config", ssh), null, false);
    assertThat(made.status()).as(made.body()).isEqualTo(200);
    assertThat(made.body()).doesNotContain("canary").contains("ssh-ed25519 AAAA");
    assertThat(fleets(project, "get", Map.of("name", "metal")).body()).doesNotContain("canary");
    FleetId id = new FleetId(UUID.fromString(made.json().get("id").stringValue()));
    Fleets records = server.context.getBean(Fleets.class);
    assertThat(records.get(id).orElseThrow().specJson()).doesNotContain("canary");
    assertThat(records.get(id).orElseThrow().planJson())
        .doesNotContain("canary")
        .contains("one.example");
    assertThat(records.secrets(id).orElseThrow().specJson()).contains("canary");

    ssh.put("hosts", List.of("two.example", "three.example"));
    Answer plan = fleets(project, "get_plan", Map.of("spec", spec("metal", "ssh_config", ssh)));
    assertThat(plan.json().get("action").stringValue()).isEqualTo("update");
    Answer changed =
        apply(
            project, spec("metal", "ssh_config", ssh), plan.json().get("current_resource"), false);
    assertThat(changed.status()).as(changed.body()).isEqualTo(200);
    assertThat(records.get(id).orElseThrow().planJson().replace(" ", ""))
        .as("a host keeps its number, a new one gets another than the one that goes")
        .contains("\"number\":1,\"hostname\":\"two.example\"")
        .contains("\"number\":2,\"hostname\":\"three.example\"");
  }

  @Test
  void aHostIsInOneFleet() {
    String project = project();
    Map<String, Object> ssh = new LinkedHashMap<>();
    ssh.put("user", "root");
    ssh.put("identity_file", "~/.ssh/id");
    ssh.put("ssh_key", Map.of("public", "ssh-ed25519 AAAA", "private", KEY));
    ssh.put("hosts", List.of("owned.example", "free.example"));
    assertThat(apply(project, spec("owner", "ssh_config", ssh), null, false).status())
        .isEqualTo(200);
    Answer second = fleets(project, "get_plan", Map.of("spec", spec("other", "ssh_config", ssh)));
    assertThat(second.status()).isEqualTo(400);
    assertThat(second.body()).contains("owned.example, which fleet 'owner' has already");
    assertThat(apply(project(), spec("owner", "ssh_config", ssh), null, false).body())
        .contains("owned.example, which another project's fleet has already");
    assertThat(
            fleets(project, "get_plan", Map.of("spec", spec("owner", "ssh_config", ssh))).status())
        .isEqualTo(200);
    ssh.put("port", 2222);
    assertThat(
            fleets(project, "get_plan", Map.of("spec", spec("other", "ssh_config", ssh))).status())
        .as("another machine behind one address")
        .isEqualTo(200);
    ssh.remove("port");
    ssh.put(
        "proxy_jump",
        Map.of(
            "hostname", "gate.example",
            "user", "root",
            "identity_file", "~/.ssh/id",
            "ssh_key", Map.of("public", "ssh-ed25519 AAAA", "private", KEY)));
    assertThat(
            fleets(project, "get_plan", Map.of("spec", spec("other", "ssh_config", ssh))).status())
        .as("the same name in another network")
        .isEqualTo(200);
  }

  @Test
  void whatCannotBeIsRefusedByName() {
    String project = project();
    assertThat(apply(project, spec("f1", "blocks", 2), null, false).body()).contains("`nodes`");
    assertThat(apply(server.project(), spec("f1", "nodes", 1), null, false).body())
        .contains("no backend");
    assertThat(fleets(project, "delete", Map.of("names", List.of("nope"))).status()).isEqualTo(400);
    JsonNode unnamed = apply(project, spec(null, "nodes", "0.."), null, false).json();
    assertThat(unnamed.get("name").stringValue()).matches("[a-z]+-[a-z]+-[0-9]+");
  }
}
