package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Bad input over HTTP: the status says whose fault, the text names the field and what is wrong. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class RefusalsTest {
  private static final Map<String, Object> TASK = Runs.task("refused", "true");

  private Api api;
  private Runs runs;

  @BeforeEach
  void server(ServerProcess server) {
    api = server.api();
    runs = server.runs();
  }

  @Test
  void noToken() {
    api.withToken(null).post("/api/projects/list", "{}").refused(401, "Not authenticated");
  }

  @Test
  void wrongToken() {
    api.withToken("wrong").post("/api/projects/list", "{}").refused(403, "Invalid token");
  }

  @Test
  void aNewerClient() {
    api.withVersion("0.23.0")
        .post("/api/users/get_my_user")
        .refused(400, "0.23.0", "incompatible", Api.VERSION);
    api.withVersion("0.22.99").post("/api/projects/list", "{}").ok();
    api.withVersion("latest").post("/api/projects/list", "{}").ok();
    api.withVersion("junk").post("/api/projects/list", "{}").refused(400, "Invalid version: junk");
  }

  @Test
  void noSuchProject() {
    api.post("/api/project/nowhere/runs/get", Map.of("run_name", "x")).refused(404, "Not found");
  }

  @Test
  void noSuchRun() {
    api.post("/api/project/main/runs/get", Map.of("run_name", "nope"))
        .refused(400, "Run not found", "resource_not_exists");
  }

  @Test
  void noSuchPath() {
    api.post("/api/nope", "{}").refused(404, "detail");
    api.get("/api/nope").refused(404, "detail");
  }

  @Test
  void notJson() {
    api.post("/api/project/main/runs/apply", "not json").refused(422, "json_invalid");
  }

  @Test
  void unknownAndMissingFields() {
    api.post("/api/project/main/runs/get_plan", Map.of("bogus", 1))
        .refused(422, "run_spec", "missing", "bogus", "extra_forbidden");
  }

  @Test
  void anUnknownFieldDeepInside() {
    plan(Runs.with(TASK, "comands", List.of("x"))).refused(422, "comands");
    plan(Runs.with(TASK, "resources", Map.of("cpus", 1))).refused(422, "cpus");
  }

  static Stream<Arguments> wrongValues() {
    return Stream.of(
        Arguments.of("commands", Map.of("a", 1)),
        Arguments.of("max_duration", "soon"),
        Arguments.of("max_duration", -5),
        Arguments.of("priority", 101),
        Arguments.of("priority", "high"),
        Arguments.of("resources", Map.of("cpu", Map.of("min", 4, "max", 2))),
        Arguments.of("resources", Map.of("memory", "lots")),
        Arguments.of("resources", Map.of("gpu", Map.of("count", Map.of("min", 2, "max", 1)))),
        Arguments.of("retry", Map.of("on_events", List.of("bad-weather"))),
        Arguments.of("schedule", Map.of("cron", "every day")),
        Arguments.of("env", Map.of("A", Map.of("b", 1))),
        Arguments.of("max_price", -1),
        Arguments.of("spot_policy", "sometimes"),
        Arguments.of("stop_criteria", "never"),
        Arguments.of("type", "chore"));
  }

  @ParameterizedTest(name = "{0} = {1}")
  @MethodSource("wrongValues")
  void aWrongValueNamesItsField(String field, Object value) {
    Api.Reply reply = plan(Runs.with(TASK, field, value));
    assertThat(reply.status()).as(reply.text()).isIn(400, 422);
    reply.refused(reply.status(), "detail");
    assertThat(reply.text()).containsAnyOf(field, "type", "cron");
  }

  /** Parts of dstack that this server does not have: said so, by the name of the field. */
  static Stream<Arguments> notThere() {
    return Stream.of(
        Arguments.of("privileged", true),
        Arguments.of("registry_auth", Map.of("username", "u", "password", "p")),
        Arguments.of("volumes", List.of(Map.of("name", "v", "path", "/v"))),
        Arguments.of("dstack", true));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("notThere")
  void aFieldThatIsNotThereYetIsRefusedByName(String field, Object value) {
    runs.apply(Runs.with(TASK, field, value)).refused(400, field);
    runs.apply(Runs.task("refused", "true")).ok();
    runs.awaitEnd("refused", Duration.ofSeconds(60));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("otherTypes")
  void aRunTypeThatIsNotThereYetIsRefusedByName(String type, Map<String, Object> configuration) {
    runs.apply(Runs.spec("refused", configuration)).refused(400, type);
  }

  static Stream<Arguments> otherTypes() {
    Map<String, Object> service = new LinkedHashMap<>();
    service.put("type", "service");
    service.put("port", 8000);
    service.put("commands", List.of("true"));
    return Stream.of(Arguments.of("service", service));
  }

  @Test
  void aBadName() {
    runs.apply(Runs.task("Bad Name", "true")).refused(400, "^[a-z][a-z0-9-]{1,40}$");
  }

  @Test
  void nothingCanServeTheRequest() {
    Map<String, Object> huge = Runs.with(TASK, "resources", Map.of("cpu", Map.of("min", 5000)));
    JsonNode plan = plan(huge).ok();
    assertThat(plan.path("job_plans").path(0).path("total_offers").asInt()).isZero();
    Map<String, Object> spec = new LinkedHashMap<>(huge);
    spec.put("run_name", "too-big");
    runs.apply(spec);
    JsonNode run = runs.awaitEnd("too-big", Duration.ofSeconds(60));
    assertThat(run.path("status").asString()).isEqualTo("failed");
    assertThat(run.path("latest_job_submission").path("termination_reason").asString())
        .isEqualTo("failed_to_start_due_to_no_capacity");
  }

  @Test
  void anUploadOverTheLimitNamesTheLimit() {
    Api.Reply reply =
        api.upload(
            "/api/files/upload_archive",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            new byte[3 * 1024 * 1024]);
    assertThat(reply.status()).isIn(400, 413);
    assertThat(reply.text()).contains("detail").containsAnyOf("2 MiB", "2.00 MiB", "2.0MB");
  }

  @Test
  void anArchiveThatIsNotWhatItsNameSays() {
    Api.Reply reply =
        api.upload(
            "/api/files/upload_archive",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "not that".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
  }

  @Test
  void aFileThatWasNeverUploaded() {
    Map<String, Object> spec = new LinkedHashMap<>(TASK);
    spec.put(
        "file_archives",
        List.of(Map.of("id", "00000000-0000-4000-8000-000000000000", "path", "data.txt")));
    Api.Reply reply = runs.apply(spec);
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
    assertThat(reply.text()).contains("detail");
  }

  @Test
  void stoppingWhatIsNotThereIsNoError() {
    api.post("/api/project/main/runs/stop", Map.of("runs_names", List.of("nope"), "abort", false))
        .ok();
  }

  @Test
  void pagesHaveLimits() {
    api.post("/api/runs/list", Map.of("limit", 101)).refused(422, "limit");
    api.post("/api/runs/list", Map.of("limit", -1)).refused(422, "limit");
  }

  private Api.Reply plan(Map<String, Object> spec) {
    return api.post("/api/project/main/runs/get_plan", Map.of("run_spec", spec));
  }
}
