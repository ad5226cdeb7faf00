package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.api.log.LogReader;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class RunsTest {
  private static final String CANARY = "canary-3f1d9";
  private final ApiServer server = ApiServer.shared();

  private static Map<String, Object> spec(String name) {
    Map<String, Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "task");
    configuration.put("commands", List.of("echo hello"));
    configuration.put("env", Map.of("TOKEN", CANARY, "B", "2"));
    configuration.put("resources", Map.of("cpu", "1..", "memory", "0.5GB..", "disk", "1GB.."));
    if (name != null) {
      configuration.put("name", name);
    }
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("run_name", name);
    spec.put("configuration", configuration);
    spec.put("profile", Map.of("name", "default"));
    return spec;
  }

  private static Map<String, Object> with(Map<String, Object> spec, String field, Object value) {
    @SuppressWarnings("unchecked")
    Map<String, Object> configuration =
        new LinkedHashMap<>((Map<String, Object>) spec.get("configuration"));
    configuration.put(field, value);
    Map<String, Object> changed = new LinkedHashMap<>(spec);
    changed.put("configuration", configuration);
    return changed;
  }

  private Answer apply(String project, Object spec, Object current, boolean force) {
    Map<String, Object> plan = new LinkedHashMap<>();
    plan.put("run_spec", spec);
    plan.put("current_resource", current);
    return server.post(
        ADMIN_TOKEN,
        "/api/project/" + project + "/runs/apply",
        Map.of("plan", plan, "force", force));
  }

  private Answer plan(String project, Object spec) {
    return server.post(
        ADMIN_TOKEN, "/api/project/" + project + "/runs/get_plan", Map.of("run_spec", spec));
  }

  private Answer get(String project, String name) {
    return server.post(
        ADMIN_TOKEN, "/api/project/" + project + "/runs/get", Map.of("run_name", name));
  }

  /** A project with the machine of `local` as its views would show it. */
  private String projectWithLocalFleet() {
    String project = server.project();
    server
        .context
        .getBean(Bootstrap.class)
        .run(
            null,
            ServerConfig.parse(
                "config.yml",
                "projects:\n- name: " + project + "\n  backends:\n  - type: local\n",
                new ApiServer.FakeBackends()));
    return project;
  }

  private void machine(String project) {
    JsonNode fleet =
        server
            .post(ADMIN_TOKEN, "/api/project/" + project + "/fleets/get", Map.of("name", "local"))
            .json();
    String offer =
        """
        {"backend":"local","instance_type":"host","region":"local","price":0.0,"availability":"idle",
         "backend_data":{},
         "resources":{"arch":"x86","cpus":4.0,"memory_mib":8192,"disk_mib":51200,"gpus":[],"spot":false}}
        """;
    sql(
        "INSERT INTO views.instance_view (id, project_id, fleet_id, fleet_name, number, name, revision,"
            + " status, host, offer, hostname, created_at, at)"
            + " SELECT gen_random_uuid(), f.project_id, f.id, f.name, 0, 'local-0', 1, 'idle', 'HEALTHY',"
            + " '"
            + offer
            + "'::jsonb, '127.0.0.1', now(), now() FROM records.fleet f WHERE f.id = '"
            + fleet.get("id").stringValue()
            + "'");
  }

  private void sql(String statement) {
    try (Connection connection = server.postgres.connect("api");
        PreparedStatement prepared = connection.prepareStatement(statement)) {
      prepared.execute();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private String text(String query) {
    try (Connection connection = server.postgres.connect("api");
        PreparedStatement prepared = connection.prepareStatement(query);
        ResultSet rows = prepared.executeQuery()) {
      StringBuilder all = new StringBuilder();
      while (rows.next()) {
        all.append(rows.getString(1)).append('\n');
      }
      return all.toString();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aRunIsPlannedAcceptedShownStoppedAndAgain() {
    String project = projectWithLocalFleet();
    machine(project);
    Answer plan = plan(project, spec("first"));
    assertThat(plan.status()).as(plan.body()).isEqualTo(200);
    JsonNode job = plan.json().at("/job_plans/0");
    assertThat(job.at("/total_offers").intValue()).isEqualTo(1);
    assertThat(job.at("/offers/0/backend").stringValue()).isEqualTo("remote");
    assertThat(job.at("/offers/0/availability").stringValue()).isEqualTo("idle");
    assertThat(job.at("/offers/0/instance/resources/cpus").intValue()).isEqualTo(4);
    assertThat(plan.json().at("/action").stringValue()).isEqualTo("create");
    assertThat(plan.json().at("/effective_run_spec/repo_id").stringValue()).isEqualTo("none");

    Answer run = apply(project, plan.json().get("run_spec"), null, false);
    assertThat(run.status()).as(run.body()).isEqualTo(200);
    assertThat(run.json().at("/status").stringValue()).isEqualTo("submitted");
    assertThat(run.json().at("/run_spec/configuration/env/TOKEN").stringValue()).isEqualTo(CANARY);
    assertThat(run.json().at("/jobs/0/job_spec/env/TOKEN").stringValue()).isEqualTo(CANARY);
    assertThat(run.json().at("/jobs/0/job_submissions/0/status").stringValue())
        .isEqualTo("submitted");
    assertThat(run.json().at("/latest_job_submission/status").stringValue()).isEqualTo("submitted");

    assertThat(get(project, "first").json()).isEqualTo(run.json());
    JsonNode listed =
        server.post(ADMIN_TOKEN, "/api/runs/list", Map.of("project_name", project)).json();
    assertThat(listed.size()).isEqualTo(1);
    assertThat(listed.get(0)).isEqualTo(run.json());

    Answer stopped =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/stop",
            Map.of("runs_names", List.of("first", "nope"), "abort", false));
    assertThat(stopped.body()).isEqualTo("null");
    assertThat(
            server
                .post(
                    ADMIN_TOKEN,
                    "/api/project/" + project + "/runs/delete",
                    Map.of("runs_names", List.of("first")))
                .status())
        .isEqualTo(400);

    sql(
        "UPDATE records.run_submission SET finished_at = now() WHERE id = '"
            + run.json().get("id").stringValue()
            + "'");
    sql(
        "INSERT INTO views.run_view (id, project_id, revision, status, status_message,"
            + " termination_reason, at, priority, deployment_num) SELECT id, project_id, 9, 'terminated',"
            + " 'terminated', 'stopped_by_user', now(), 0, 0 FROM records.run_submission WHERE id = '"
            + run.json().get("id").stringValue()
            + "'");
    assertThat(get(project, "first").json().at("/termination_reason").stringValue())
        .isEqualTo("stopped_by_user");
    Answer again = apply(project, spec("first"), null, false);
    assertThat(again.status()).as(again.body()).isEqualTo(200);
    assertThat(again.json().get("id")).isNotEqualTo(run.json().get("id"));
    assertThat(
            server
                .post(ADMIN_TOKEN, "/api/runs/list", Map.of("project_name", project))
                .json()
                .size())
        .isEqualTo(1);
    Answer old =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/get",
            Map.of("id", run.json().get("id").stringValue()));
    assertThat(old.json().at("/deleted").booleanValue()).isTrue();
  }

  @Test
  void secretsAreNeitherInThePlanNorInTheStoredSpec() {
    String project = server.project();
    Answer run = apply(project, spec("secret-run"), null, false);
    assertThat(run.status()).as(run.body()).isEqualTo(200);
    String stored =
        text(
            "SELECT row_to_json(r)::text FROM records.run_submission r WHERE id = '"
                + run.json().get("id").stringValue()
                + "'");
    assertThat(stored).contains("TOKEN").doesNotContain(CANARY);
    JsonNode row = Json.lenient().readTree(stored);
    assertThat(row.get("plan").toString()).doesNotContain("TOKEN").doesNotContain("echo");
    assertThat(row.get("private_encrypted").stringValue()).startsWith("enc:aes:test:");
  }

  @Test
  void ofManyAppliesOfOneNameOneIsAccepted() throws ExecutionException, InterruptedException {
    String project = server.project();
    List<CompletableFuture<Answer>> answers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Map<String, Object> spec = with(spec("clash"), "commands", List.of("echo " + i));
      answers.add(CompletableFuture.supplyAsync(() -> apply(project, spec, null, false)));
    }
    int accepted = 0;
    for (CompletableFuture<Answer> answer : answers) {
      int status = answer.get().status();
      assertThat(status).as(answer.get().body()).isIn(200, 400);
      accepted += status == 200 ? 1 : 0;
    }
    assertThat(accepted).isEqualTo(1);
    assertThat(
            server
                .post(ADMIN_TOKEN, "/api/runs/list", Map.of("project_name", project))
                .json()
                .size())
        .isEqualTo(1);
  }

  @Test
  void anActiveRunTakesOverItsPriorityAndNothingElse() {
    String project = server.project();
    JsonNode run = apply(project, spec("prio"), null, false).json();
    Answer plan = plan(project, with(spec("prio"), "priority", 50));
    assertThat(plan.json().at("/action").stringValue()).isEqualTo("update");
    assertThat(plan.json().at("/current_resource/id")).isEqualTo(run.get("id"));
    Answer unseen = apply(project, with(spec("prio"), "priority", 50), null, false);
    assertThat(unseen.status()).isEqualTo(400);
    Answer updated =
        apply(
            project,
            with(spec("prio"), "priority", 50),
            plan.json().get("current_resource"),
            false);
    assertThat(updated.status()).as(updated.body()).isEqualTo(200);
    assertThat(updated.json().get("id")).isEqualTo(run.get("id"));
    assertThat(updated.json().at("/deployment_num").intValue()).isEqualTo(1);
    assertThat(updated.json().at("/run_spec/configuration/priority").intValue()).isEqualTo(50);
    Answer stale =
        apply(
            project,
            with(spec("prio"), "priority", 60),
            plan.json().get("current_resource"),
            false);
    assertThat(stale.status()).isEqualTo(400);
    assertThat(apply(project, with(spec("prio"), "priority", 60), null, true).status())
        .isEqualTo(200);
    Answer other = apply(project, with(spec("prio"), "commands", List.of("true")), null, true);
    assertThat(other.status()).isEqualTo(400);
    assertThat(other.message()).contains("`commands`");
    assertThat(
            plan(project, with(spec("prio"), "commands", List.of("true")))
                .json()
                .at("/action")
                .stringValue())
        .isEqualTo("create");
  }

  @Test
  void aRunWithoutNameGetsOne() {
    String project = server.project();
    Answer run = apply(project, spec(null), null, false);
    assertThat(run.status()).as(run.body()).isEqualTo(200);
    assertThat(run.json().at("/run_spec/run_name").stringValue()).matches("[a-z]+-[a-z]+-1");
  }

  @Test
  void badSpecificationsAreRefusedByField() {
    String project = server.project();
    Map<String, Object> process = with(spec("bad-one"), "privileged", true);
    assertThat(apply(project, process, null, false).message())
        .contains("`privileged`", "needs a container");
    assertThat(apply(project, spec("Bad Name"), null, false).message())
        .contains("^[a-z][a-z0-9-]{1,40}$");
    Map<String, Object> large =
        with(spec("large"), "commands", List.of("echo " + "x".repeat(300_000)));
    assertThat(apply(project, large, null, false).message()).contains("256 kB");
    Map<String, Object> files = new LinkedHashMap<>(spec("files"));
    files.put("file_archives", List.of(Map.of("id", UUID.randomUUID().toString(), "path", "/x")));
    assertThat(apply(project, files, null, false).message()).contains("file_archives");
    Map<String, Object> fleet = with(spec("fleet"), "fleets", List.of("nope"));
    assertThat(apply(project, fleet, null, false).message()).contains("nope");
    Map<String, Object> service = new LinkedHashMap<>(spec("svc"));
    service.put(
        "configuration", Map.of("type", "service", "port", 80, "commands", List.of("true")));
    assertThat(apply(project, service, null, false).message()).contains("service");
  }

  /** Before it is submitted, as {@code dstack why} would say it afterwards. */
  @Test
  void aPlanSaysWhyNothingCanServeIt() {
    String project = projectWithLocalFleet();
    machine(project);
    Map<String, Object> huge = with(spec("huge"), "resources", Map.of("cpu", "5000.."));
    assertThat(plan(project, huge).json().at("/job_plans/0/total_offers").intValue()).isZero();
    Answer why =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/get_plan_refusals",
            Map.of("run_spec", huge));
    assertThat(why.json().at("/refusals").values().stream().map(JsonNode::stringValue))
        .contains("instance local-0: cpus: 4 free, asked 5000")
        .anyMatch(refusal -> refusal.startsWith("fleet local: "));
  }

  @Test
  void aContainerNeedsAnEngineSomewhere() {
    String project = projectWithLocalFleet();
    machine(project);
    Map<String, Object> image = with(spec("boxed"), "image", "x");
    assertThat(plan(project, image).json().at("/job_plans/0/total_offers").intValue()).isOne();
    sql(
        "INSERT INTO views.backend_offer (project_id, backend, offers, at) SELECT id, 'local',"
            + " '[{\"backend\":\"local\",\"instance_type\":\"host\",\"region\":\"local\","
            + "\"price\":0.0,\"availability\":\"available\","
            + "\"backend_data\":{\"no_containers\":\"no engine answers at X\"},"
            + "\"resources\":{\"arch\":\"x86\",\"cpus\":4.0,\"memory_mib\":8192,"
            + "\"disk_mib\":51200,\"gpus\":[],\"spot\":false}}]', now()"
            + " FROM records.project WHERE name = '"
            + project
            + "'");
    for (Answer answer : List.of(plan(project, image), apply(project, image, null, false))) {
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.message()).contains("needs a container", "local: no engine answers at X");
    }
    assertThat(plan(project, spec("plain")).status()).isEqualTo(200);
  }

  @Test
  void offersAreShownWithoutARun() {
    String project = projectWithLocalFleet();
    machine(project);
    Map<String, Object> scratch = with(spec(null), "image", "scratch");
    scratch = with(scratch, "user", "root");
    Answer offers =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/get_plan",
            Map.of("run_spec", scratch, "for_offers_only", true, "max_offers", 3));
    assertThat(offers.status()).as(offers.body()).isEqualTo(200);
    assertThat(offers.json().at("/job_plans/0/total_offers").intValue()).isEqualTo(1);
    Answer gpus =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/gpus/list",
            Map.of("run_spec", scratch, "group_by", List.of("backend", "region")));
    assertThat(gpus.status()).as(gpus.body()).isEqualTo(200);
    assertThat(gpus.json().at("/cpus/0/backend").stringValue()).isEqualTo("remote");
    assertThat(gpus.json().at("/gpus").size()).isZero();
    JsonNode fleets = server.post(ADMIN_TOKEN, "/api/project/" + project + "/fleets/list").json();
    assertThat(fleets.at("/0/instances/0/status").stringValue()).isEqualTo("idle");
    assertThat(fleets.at("/0/spec/configuration/nodes/max").intValue()).isEqualTo(1);
    JsonNode instances =
        server
            .post(ADMIN_TOKEN, "/api/instances/list", Map.of("project_names", List.of(project)))
            .json();
    assertThat(instances.size()).isEqualTo(1);
  }

  @Test
  void theHealthOfAnInstanceIsShown() {
    String project = projectWithLocalFleet();
    machine(project);
    String path = "/api/project/" + project + "/instances/get_instance_health_checks";
    Map<String, Object> which = Map.of("fleet_name", "local", "instance_num", 0);
    assertThat(server.post(ADMIN_TOKEN, path, which).json().at("/health_checks").isEmpty())
        .isTrue();
    sql(
        "INSERT INTO views.instance_health (instance_id, at, level, incidents)"
            + " SELECT v.id, said.at, said.level, said.incidents FROM views.instance_view v"
            + " JOIN records.project p ON p.id = v.project_id AND p.name = '"
            + project
            + "', (VALUES ('2026-11-20 10:00Z'::timestamptz, 'HEALTHY', '{}'::text[]),"
            + " ('2026-11-20 10:01Z'::timestamptz, 'WARNING', '{GPU 0: slow}'::text[]))"
            + " AS said (at, level, incidents)");
    JsonNode checks = server.post(ADMIN_TOKEN, path, which).json().at("/health_checks");
    assertThat(checks.size()).isEqualTo(2);
    assertThat(checks.at("/0/status").stringValue()).isEqualTo("warning");
    assertThat(checks.at("/0/events/0/message").stringValue()).isEqualTo("GPU 0: slow");
    assertThat(checks.at("/1/status").stringValue()).isEqualTo("healthy");
    JsonNode fleet =
        server
            .post(ADMIN_TOKEN, "/api/project/" + project + "/fleets/get", Map.of("name", "local"))
            .json();
    assertThat(fleet.at("/instances/0/health_status").stringValue()).isEqualTo("warning");
    Map<String, Object> one = Map.of("fleet_name", "local", "instance_num", 0, "limit", 1);
    assertThat(server.post(ADMIN_TOKEN, path, one).json().at("/health_checks").size()).isOne();
    Map<String, Object> none = Map.of("fleet_name", "local", "instance_num", 9);
    assertThat(server.post(ADMIN_TOKEN, path, none).status()).isEqualTo(400);
  }

  @Test
  void pagesFollowEachOtherWithoutGapsInBothDirections() {
    String project = server.project();
    for (int i = 0; i < 7; i++) {
      assertThat(apply(project, spec("page-" + i), null, false).status()).isEqualTo(200);
    }
    for (boolean ascending : new boolean[] {false, true}) {
      Set<String> seen = new HashSet<>();
      List<String> order = new ArrayList<>();
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("project_name", project);
      body.put("limit", 3);
      body.put("ascending", ascending);
      JsonNode page = server.post(ADMIN_TOKEN, "/api/runs/list", body).json();
      while (!page.isEmpty()) {
        for (JsonNode run : page) {
          assertThat(seen.add(run.get("id").stringValue())).isTrue();
          order.add(run.get("submitted_at").stringValue());
        }
        JsonNode last = page.get(page.size() - 1);
        body.put("prev_submitted_at", last.get("submitted_at").stringValue());
        body.put("prev_run_id", last.get("id").stringValue());
        page = server.post(ADMIN_TOKEN, "/api/runs/list", body).json();
      }
      assertThat(seen).hasSize(7);
      assertThat(order)
          .isSortedAccordingTo(
              ascending
                  ? java.util.Comparator.naturalOrder()
                  : java.util.Comparator.reverseOrder());
    }
  }

  @Test
  void listsOfOthersProjectsAreEmptyAndTheirRunsAbsent() {
    String project = server.project();
    apply(project, spec("mine"), null, false);
    String stranger = server.user(ApiServer.name("u"), "user");
    assertThat(server.post(stranger, "/api/runs/list", Map.of("project_name", project)).body())
        .isEqualTo("[]");
    assertThat(server.post(stranger, "/api/runs/list", Map.of()).body()).isEqualTo("[]");
  }

  @Test
  void logsArePolledByPageAndAwaited() {
    String project = server.project();
    JsonNode run = apply(project, spec("logs"), null, false).json();
    JobId job = JobId.of(run.at("/latest_job_submission/id").stringValue());
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("run_name", "logs");
    body.put("job_submission_id", job.toString());
    body.put("limit", 2);
    String path = "/api/project/" + project + "/logs/poll";
    assertThat(server.post(ADMIN_TOKEN, path, body).body())
        .isEqualTo("{\"logs\":[],\"external_url\":null,\"next_token\":null}");
    sql(
        "INSERT INTO views.job_view (id, run_id, project_id, replica_num, job_num, submission_num,"
            + " job_name, revision, status, status_message, submitted_at, at) SELECT '"
            + job
            + "', id, project_id, 0, 0, 0, 'logs-0-0', 1, 'running', 'running', now(), now()"
            + " FROM records.run_submission WHERE id = '"
            + run.get("id").stringValue()
            + "'");
    for (String line : List.of("one\n", "two\n", "three\n")) {
      server.logs.add(
          job,
          new LogReader.Line(
              Instant.parse("2026-01-01T00:00:00Z"), false, line.getBytes(StandardCharsets.UTF_8)));
    }
    JsonNode first = server.post(ADMIN_TOKEN, path, body).json();
    assertThat(first.at("/logs/0/message").stringValue()).isEqualTo("b25lCg==");
    assertThat(first.at("/next_token").stringValue()).isEqualTo("2");
    body.put("next_token", "2");
    JsonNode second = server.post(ADMIN_TOKEN, path, body).json();
    assertThat(second.at("/logs").size()).isEqualTo(1);
    assertThat(second.at("/next_token").isNull()).isTrue();
    body.put("next_token", "3");
    CompletableFuture<Answer> awaited =
        CompletableFuture.supplyAsync(
            () -> server.post(ADMIN_TOKEN, path + "?wait_ms=20000", body));
    server.logs.add(
        job,
        new LogReader.Line(
            Instant.parse("2026-01-01T00:00:01Z"),
            true,
            "four\n".getBytes(StandardCharsets.UTF_8)));
    JsonNode third = awaited.join().json();
    assertThat(third.at("/logs/0/log_source").stringValue()).isEqualTo("stderr");
    assertThat(third.at("/next_token").stringValue()).isEqualTo("4");
    String other = server.project();
    assertThat(
            server
                .post(ADMIN_TOKEN, "/api/project/" + other + "/logs/poll", body)
                .json()
                .at("/logs")
                .size())
        .isZero();
  }

  @Test
  void theTimelineTellsWhatPeopleDid() {
    String project = server.project();
    String id =
        server
            .post(ADMIN_TOKEN, "/api/projects/" + project + "/get")
            .json()
            .get("project_id")
            .stringValue();
    String member = ApiServer.name("u");
    server.user(member, "user");
    server.member(project, member, "user");
    apply(project, spec("timeline"), null, false);
    server.post(
        ADMIN_TOKEN,
        "/api/project/" + project + "/secrets/create_or_update",
        Map.of("name", "s1", "value", CANARY));
    Answer events =
        server.post(ADMIN_TOKEN, "/api/events/list", Map.of("within_projects", List.of(id)));
    List<String> messages = new ArrayList<>();
    events.json().forEach(event -> messages.add(event.get("message").stringValue()));
    assertThat(messages)
        .containsExactly(
            "Secret created",
            "Run submitted. Status: SUBMITTED",
            "Project members changed: " + member + " added as user",
            "Project created");
    assertThat(events.body()).doesNotContain(CANARY);
    assertThat(
            server
                .post(
                    ADMIN_TOKEN,
                    "/api/events/list",
                    Map.of("within_projects", List.of(id), "within_runs", List.of(id)))
                .status())
        .isEqualTo(422);
    assertThat(
            server.post(ADMIN_TOKEN, "/api/events/list", Map.of("target_runs", List.of())).status())
        .isEqualTo(422);
    String stranger = server.user(ApiServer.name("u"), "user");
    JsonNode seen =
        server.post(stranger, "/api/events/list", Map.of("within_projects", List.of(id))).json();
    assertThat(seen.size()).isZero();
  }

  @Test
  void secretsAreStoredEncryptedAndListedWithoutValues() {
    String project = server.project();
    String base = "/api/project/" + project + "/secrets/";
    Answer made =
        server.post(ADMIN_TOKEN, base + "create_or_update", Map.of("name", "key", "value", CANARY));
    assertThat(made.json().get("value").stringValue()).isEqualTo(CANARY);
    assertThat(server.post(ADMIN_TOKEN, base + "list").body()).doesNotContain(CANARY);
    assertThat(
            server
                .post(ADMIN_TOKEN, base + "get", Map.of("name", "key"))
                .json()
                .get("value")
                .stringValue())
        .isEqualTo(CANARY);
    assertThat(text("SELECT value_encrypted FROM records.secret")).doesNotContain(CANARY);
    assertThat(
            server
                .post(ADMIN_TOKEN, base + "delete", Map.of("secrets_names", List.of("key", "no")))
                .json()
                .at("/detail/0/code")
                .stringValue())
        .isEqualTo("resource_not_exists");
    assertThat(
            server
                .post(ADMIN_TOKEN, base + "delete", Map.of("secrets_names", List.of("key")))
                .body())
        .isEqualTo("null");
  }
}
