package dev.dstack.e2e.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Exchanges;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/**
 * Our answers against upstream's OpenAPI, which is made from the package in the virtual
 * environment. Comes after the other classes: what they were answered is checked as well.
 */
@Tag("system")
@Order(Integer.MAX_VALUE - 10)
@ExtendWith(SharedServer.class)
final class ContractTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  // Refused here, since this server has nothing of the kind yet; refusals are checked as well.
  private static final Set<String> REFUSED_SO_FAR =
      Set.of(
          "GET /metrics",
          "POST /api/project/{project_name}/backends/create",
          "POST /api/project/{project_name}/backends/create_yaml",
          "POST /api/project/{project_name}/backends/update",
          "POST /api/project/{project_name}/backends/update_yaml",
          "POST /api/project/{project_name}/gateways/get");

  // The configuration of a backend that upstream does not have can't have upstream's shape.
  private static final String OF_OUR_OWN =
      "POST /api/project/{project_name}/backends/{backend_name}/config_info 200";

  @Test
  void everyAnswerHasUpstreamsShape(ServerProcess server) throws IOException {
    Api api = server.api();
    walk(api, server.runs());

    Path target = Files.createDirectories(Repository.target().resolve("contract"));
    Path upstream = target.resolve("upstream-openapi.json");
    Files.writeString(
        upstream,
        new Command(
                List.of(
                    Repository.python().toString(),
                    Repository.script("upstream_openapi.py").toString()))
            .run()
            .ok()
            .out());
    Path ours = target.resolve("openapi.json");
    Files.writeString(ours, api.get("/openapi.json").ok().toString());
    Path exchanges = target.resolve("exchanges.jsonl");
    List<String> lines = new ArrayList<>();
    for (Exchanges.Exchange exchange : Exchanges.all()) {
      lines.add(Api.JSON.writeValueAsString(exchange));
    }
    Files.write(exchanges, lines);
    String text =
        new Command(
                List.of(
                    Repository.python().toString(),
                    Repository.script("contract_check.py").toString(),
                    upstream.toString(),
                    exchanges.toString(),
                    ours.toString()))
            .limit(Duration.ofMinutes(5))
            .run()
            .ok()
            .out();
    Files.writeString(target.resolve("report.json"), text);
    JsonNode report = Api.JSON.readTree(text);
    // Said in the build's output on purpose: what of upstream's API is not there yet.
    System.out.println("Checked " + lines.size() + " exchanges against upstream's OpenAPI.");
    print("Upstream's endpoints that are not there yet", report.path("not_there_yet"));
    print("Paths that upstream has not", report.path("not_upstream"));
    assertThat(texts(report.path("violations")))
        .as("differences from upstream")
        .allMatch(difference -> difference.startsWith(OF_OUR_OWN));
    assertThat(texts(report.path("there_but_unchecked")))
        .as("endpoints without an answer that was checked")
        .allMatch(REFUSED_SO_FAR::contains);
  }

  /** One good call at least of everything there is. */
  private static void walk(Api api, Runs runs) {
    String main = "/api/project/main/";
    api.get("/healthcheck");
    api.post("/api/server/get_info");
    api.post("/api/auth/list_providers");
    api.post("/api/auth/get_next_redirect", Map.of("code", "x", "state", "y"));
    api.post("/api/backends/list_types");

    String key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHb2oZV3uaKyNlq3xnWkGmqQVMZ0dBxk0cTz1kKx1Xq e2e";
    api.post("/api/users/create", user("contract-user", "user"));
    api.post("/api/users/update", user("contract-user", "user"));
    api.post("/api/users/list");
    api.post("/api/users/list", Map.of("return_total_count", true, "limit", 1));
    api.post("/api/users/get_my_user");
    api.post("/api/users/get_user", Map.of("username", "contract-user"));
    api.post("/api/users/refresh_token", Map.of("username", "contract-user"));
    api.post("/api/users/refresh_ssh_key", Map.of("username", "contract-user"));
    api.post("/api/users/public_keys/add", Map.of("key", key, "name", "e2e"));
    JsonNode keys = api.post("/api/users/public_keys/list").json();
    api.post(
        "/api/users/public_keys/delete",
        Map.of("ids", List.of(keys.path(0).path("id").asString(""))));

    api.post("/api/projects/create", Map.of("project_name", "contract", "is_public", false));
    api.post("/api/projects/list", "{}");
    api.post("/api/projects/list", Map.of("return_total_count", true, "limit", 1));
    api.post("/api/projects/list_only_no_fleets");
    api.post("/api/projects/contract/get");
    api.post("/api/projects/contract/update", Map.of("is_public", true));
    Map<String, Object> member = Map.of("username", "contract-user", "project_role", "user");
    api.post("/api/projects/contract/add_members", Map.of("members", List.of(member)));
    api.post("/api/projects/contract/get");
    api.post(
        "/api/projects/contract/set_members",
        Map.of("members", List.of(Map.of("username", "admin", "project_role", "admin"), member)));
    api.post(
        "/api/projects/contract/remove_members", Map.of("usernames", List.of("contract-user")));

    api.post(main + "backends/local/get_yaml");
    api.post(main + "backends/local/config_info");
    api.post("/api/project/contract/backends/create_yaml", Map.of("config_yaml", "type: local\n"));
    api.post("/api/project/contract/backends/update_yaml", Map.of("config_yaml", "type: local\n"));
    api.post("/api/project/contract/backends/create", Map.of("type", "local"));
    api.post("/api/project/contract/backends/update", Map.of("type", "local"));
    api.post("/api/project/contract/backends/delete", Map.of("backends_names", List.of("aws")));

    Map<String, Object> repo = new LinkedHashMap<>();
    repo.put("repo_id", "contract-repo");
    repo.put("repo_info", Map.of("repo_type", "virtual"));
    repo.put("repo_creds", null);
    api.post(main + "repos/init", repo);
    api.post(main + "repos/list");
    api.post(main + "repos/get", Map.of("repo_id", "contract-repo", "include_creds", true));
    byte[] code = "diff".getBytes(StandardCharsets.UTF_8);
    api.upload(main + "repos/upload_code?repo_id=contract-repo", sha256(code), code);
    api.post(main + "repos/delete", Map.of("repos_ids", List.of("contract-repo")));
    byte[] archive = new byte[10_240];
    api.upload("/api/files/upload_archive", sha256(archive), archive);
    api.post("/api/files/get_archive_by_hash", Map.of("hash", sha256(archive)));

    api.post(main + "secrets/create_or_update", Map.of("name", "contract", "value", "v"));
    api.post(main + "secrets/list");
    api.post(main + "secrets/get", Map.of("name", "contract"));
    api.post(main + "secrets/delete", Map.of("secrets_names", List.of("contract")));

    Map<String, Object> spec = Runs.task("contract-run", "echo contract; sleep 1");
    Map<String, Object> planned = new LinkedHashMap<>(Map.of("run_spec", spec));
    planned.put("max_offers", 3);
    api.post(main + "runs/get_plan", planned);
    api.post(main + "gpus/list", Map.of("run_spec", spec));
    api.post(
        main + "gpus/list",
        Map.of("run_spec", spec, "group_by", List.of("backend", "region", "count")));
    runs.submit(spec);
    JsonNode run = runs.awaitEnd("contract-run", LIMIT);
    runs.get("contract-run");
    api.post(main + "runs/get", Map.of("id", run.path("id").asString()));
    api.post("/api/runs/list", "{}");
    api.post("/api/runs/list", Map.of("project_name", "main", "include_jobs", false));
    api.post("/api/runs/list", Map.of("project_name", "main", "only_active", true));
    runs.output("contract-run");
    api.get(main + "metrics/job/contract-run");
    api.post("/api/events/list", Map.of("limit", 50));
    api.post("/api/events/list", Map.of("within_runs", List.of(run.path("id").asString())));
    runs.stop("contract-run");
    api.post(main + "runs/delete", Map.of("runs_names", List.of("contract-run")));

    JsonNode fleets = api.post("/api/fleets/list", "{}").json();
    api.post(main + "fleets/list");
    api.post(main + "fleets/get", Map.of("name", "local"));
    api.post(main + "fleets/get", Map.of("id", fleets.path(0).path("id").asString("")));
    Map<String, Object> fleet = new LinkedHashMap<>();
    fleet.put(
        "configuration",
        Map.of("type", "fleet", "name", "contract-fleet", "nodes", Map.of("min", 1, "max", 1)));
    fleet.put("profile", Map.of("name", "default"));
    api.post(main + "fleets/get_plan", Map.of("spec", fleet));
    Map<String, Object> planOfFleet = new LinkedHashMap<>(Map.of("spec", fleet));
    planOfFleet.put("current_resource", null);
    api.post(main + "fleets/apply", Map.of("plan", planOfFleet, "force", false));
    api.post(main + "fleets/get", Map.of("name", "contract-fleet"));
    Await.until(
        "the fleet has its instance",
        LIMIT,
        () ->
            api.post(main + "fleets/get", Map.of("name", "contract-fleet"))
                .json()
                .at("/instances/0/status")
                .asString("")
                .equals("idle"));
    for (int number : List.of(7, 0)) {
      api.post(
          main + "fleets/delete_instances",
          Map.of("name", "contract-fleet", "instance_nums", List.of(number)));
    }
    api.post(main + "fleets/delete", Map.of("names", List.of("contract-fleet")));
    api.post("/api/instances/list", "{}");
    JsonNode instances =
        api.post("/api/instances/list", Map.of("project_names", List.of("main"))).json();
    api.post(main + "instances/get", Map.of("id", instances.path(0).path("id").asString("")));
    api.post(
        main + "instances/get_instance_health_checks",
        Map.of("fleet_name", "local", "instance_num", 0));
    api.get("/metrics");
    api.post(main + "volumes/get", Map.of("name", "nope"));
    Map<String, Object> volume = new LinkedHashMap<>(Map.of("type", "volume", "size", "1GB"));
    volume.putAll(Map.of("name", "contract-volume", "backend", "aws", "region", "local"));
    api.post(main + "volumes/create", Map.of("configuration", volume));
    api.post(main + "volumes/get", Map.of("name", "contract-volume"));
    api.post(main + "volumes/list");
    api.post(main + "volumes/delete", Map.of("names", List.of("contract-volume")));
    api.post(main + "gateways/get", Map.of("name", "nope"));
    api.post("/api/volumes/list", "{}");
    api.post(main + "volumes/list");
    api.post(main + "gateways/list");
    api.post(main + "exports/list");
    api.post(main + "imports/list");
    api.post(main + "templates/list");

    // What is refused must have upstream's shape too.
    api.withToken(null).post("/api/projects/list", "{}");
    api.withToken("wrong").post("/api/projects/list", "{}");
    api.withVersion("0.23.0").post("/api/projects/list", "{}");
    api.post("/api/project/nowhere/runs/get", Map.of("run_name", "x"));
    api.post(main + "runs/get", Map.of("run_name", "nope"));
    api.post(main + "runs/get_plan", Map.of("bogus", 1));
    api.post(main + "runs/apply", "not json");
    api.post(main + "secrets/get", Map.of("name", "nope"));
    api.post("/api/users/get_user", Map.of("username", "nobody-of-that-name"));
    api.post("/api/projects/create", Map.of("project_name", "contract"));

    api.post("/api/projects/delete", Map.of("projects_names", List.of("contract")));
    api.post("/api/users/delete", Map.of("users", List.of("contract-user")));
  }

  private static Map<String, Object> user(String name, String role) {
    Map<String, Object> user = new LinkedHashMap<>();
    user.put("username", name);
    user.put("global_role", role);
    user.put("email", null);
    user.put("active", true);
    return user;
  }

  private static String sha256(byte[] content) {
    try {
      return java.util.HexFormat.of()
          .formatHex(java.security.MessageDigest.getInstance("SHA-256").digest(content));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void print(String title, JsonNode names) {
    System.out.println(title + " (" + names.size() + "):");
    names.forEach(name -> System.out.println("  " + name.asString()));
  }

  private static List<String> texts(JsonNode array) {
    List<String> all = new ArrayList<>();
    array.forEach(entry -> all.add(entry.asString()));
    return all;
  }
}
