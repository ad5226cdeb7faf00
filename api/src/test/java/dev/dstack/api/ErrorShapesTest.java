package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorShapesTest {
  private final ApiServer server = ApiServer.shared();

  @Test
  void aRequestWithoutTokenIsToldToAuthenticate() {
    Answer answer = server.raw(null, "/api/projects/list", "{}");
    assertThat(answer.status()).isEqualTo(401);
    assertThat(answer.body()).isEqualTo("{\"detail\":\"Not authenticated\"}");
    assertThat(answer.raw().headers().firstValue("www-authenticate")).contains("Bearer");
  }

  @Test
  void aWrongTokenIsRefused() {
    Answer answer = server.raw("wrong", "/api/projects/list", "{}");
    assertThat(answer.status()).isEqualTo(403);
    assertThat(answer.body()).isEqualTo("{\"detail\":{\"msg\":\"Invalid token\",\"code\":null}}");
  }

  @Test
  void anUnknownRunIsNamedWithACode() {
    Answer answer =
        server.raw(ADMIN_TOKEN, "/api/project/main/runs/get", "{\"run_name\":\"nope\"}");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body())
        .isEqualTo("{\"detail\":[{\"msg\":\"Run not found\",\"code\":\"resource_not_exists\"}]}");
  }

  @Test
  void anUnknownProjectIsNotFound() {
    Answer answer = server.raw(ADMIN_TOKEN, "/api/project/none/runs/get", "{\"run_name\":\"x\"}");
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.body()).isEqualTo("{\"detail\":{\"msg\":\"Not found\",\"code\":null}}");
  }

  @Test
  void allProblemsOfABodyAreToldAtOnce() {
    Answer answer = server.raw(ADMIN_TOKEN, "/api/project/main/runs/get_plan", "{\"bogus\":1}");
    assertThat(answer.status()).isEqualTo(422);
    assertThat(answer.body())
        .isEqualTo(
            "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"run_spec\"],\"msg\":\"Field"
                + " required\",\"input\":{\"bogus\":1}},{\"type\":\"extra_forbidden\",\"loc\":"
                + "[\"body\",\"bogus\"],\"msg\":\"Extra inputs are not permitted\",\"input\":1}]}");
  }

  @Test
  void whatIsNoJsonIsTold() {
    Answer answer = server.raw(ADMIN_TOKEN, "/api/project/main/runs/apply", "not json");
    assertThat(answer.status()).isEqualTo(422);
    assertThat(answer.json().at("/detail/0/type").stringValue()).isEqualTo("json_invalid");
    assertThat(answer.json().at("/detail/0/loc/0").stringValue()).isEqualTo("body");
    assertThat(answer.json().at("/detail/0/input").isObject()).isTrue();
    assertThat(answer.json().at("/detail/0/ctx/error").isString()).isTrue();
  }

  @Test
  void versionsAreChecked() {
    Map<String, Integer> statuses =
        Map.of(
            "0.23.0",
            400,
            "1.0",
            400,
            "0.22.99",
            200,
            "0.10.0",
            200,
            "latest",
            200,
            "0.22.5rc1",
            200,
            "junk",
            400);
    statuses.forEach(
        (version, status) ->
            assertThat(withVersion(version).status()).as(version).isEqualTo(status));
    assertThat(withVersion("junk").body())
        .isEqualTo("{\"detail\":[{\"msg\":\"Invalid version: junk\",\"code\":null}]}");
    assertThat(withVersion("0.23.0").message()).contains("0.23.0").contains("0.22.5");
  }

  private Answer withVersion(String version) {
    return server.send(
        HttpRequest.newBuilder(URI.create(server.base + "/api/projects/list"))
            .header("Authorization", "Bearer " + ADMIN_TOKEN)
            .header("X-API-VERSION", version)
            .POST(HttpRequest.BodyPublishers.ofString("{}"))
            .build());
  }

  @Test
  void unknownPathsAndMethodsAreTold() {
    assertThat(get("/api/nope").body()).isEqualTo("{\"detail\":\"Not Found\"}");
    assertThat(get("/api/nope").status()).isEqualTo(404);
    assertThat(get("/api/server/get_info").status()).isEqualTo(404);
    Answer put = server.send(ADMIN_TOKEN, "PUT", "/api/server/get_info", new byte[0], null);
    assertThat(put.status()).isEqualTo(405);
    assertThat(put.body()).isEqualTo("{\"detail\":\"Method Not Allowed\"}");
    assertThat(get("/metrics").status()).isEqualTo(404);
  }

  private Answer get(String path) {
    return server.send(null, "GET", path, new byte[0], null);
  }

  @Test
  void pagesAreServedWithoutAnythingFromOutside() {
    assertThat(get("/healthcheck").body()).isEqualTo("{\"status\":\"running\"}");
    Answer front = get("/");
    assertThat(front.status()).isEqualTo(200);
    assertThat(front.body())
        .contains("/api/docs", "/openapi.json", "http://127.0.0.1:8080/ui", "down");
    assertThat(get("/api/docs").body()).doesNotContain("//cdn").doesNotContain("https://");
    assertThat(get("/api/docs/assets/swagger-ui-bundle.js").status()).isEqualTo(200);
    assertThat(get("/api/docs/assets/swagger-ui.css").status()).isEqualTo(200);
    Answer openApi = get("/openapi.json");
    assertThat(openApi.json().at("/paths").size()).isGreaterThan(60);
    assertThat(openApi.json().at("/components/schemas/RunSpec/properties/run_name").isObject())
        .isTrue();
    assertThat(server.post(null, "/api/server/get_info").body())
        .isEqualTo("{\"server_version\":\"0.22.5\"}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{\"a\":1}}",
        "{\"limit\":99999999999999999999999999}",
        "{\"limit\":1e400}",
        "{\"limit\":-1}",
        "{\"limit\":101}",
        "{\"limit\":\"x\"}",
        "{\"limit\":null}",
        "{\"limit\":{}}",
        "{\"project_name\":\"\\u0000\"}",
        "{\"project_name\":\"\\ud800\"}",
        "{\"prev_submitted_at\":\"yesterday\"}",
        "{\"prev_run_id\":\"x\"}",
        "{\"job_submissions_limit\":11}",
        "{\"username\":[1]}",
        "NaN",
        "{\"limit\":1,\"limit\":2"
      })
  void badBodiesAreTheClientsFault(String body) {
    Answer answer = server.raw(ADMIN_TOKEN, "/api/runs/list", body);
    assertThat(answer.status()).as(answer.body()).isBetween(400, 499);
    assertThat(answer.body()).doesNotContain("Exception").doesNotContain("\\tat ");
    assertThat(answer.json().has("detail")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"prev_submitted_at\":\"+300000-01-01T00:00:00Z\"}",
        "{\"prev_submitted_at\":\"-0001-01-01T00:00:00Z\"}",
        "{\"prev_submitted_at\":99999999999999}",
        "{\"prev_submitted_at\":\"2026-01-01T00:00:00Z\",\"prev_run_id\":\"00000000-0000-0000-0000-000000000000\"}",
        "{\"project_name\":\"%_\\\\'\\\"\"}",
        "{\"username\":\"\\u00e4\\ud83d\\ude00\"}"
      })
  void oddValuesNeverFailTheServer(String body) {
    Answer answer = server.raw(ADMIN_TOKEN, "/api/runs/list", body);
    assertThat(answer.status()).as(answer.body()).isLessThan(500);
  }

  @Test
  void invalidUtf8AndDeepNestingAreRefused() {
    byte[] bytes = {'{', '"', 'a', '"', ':', '"', (byte) 0xff, (byte) 0xfe, '"', '}'};
    assertThat(
            server.send(ADMIN_TOKEN, "POST", "/api/runs/list", bytes, "application/json").status())
        .isEqualTo(422);
    String deep = "[".repeat(100_000);
    assertThat(server.raw(ADMIN_TOKEN, "/api/runs/list", deep).status()).isEqualTo(422);
    String nested = "{\"a\":".repeat(5_000) + "1" + "}".repeat(5_000);
    assertThat(server.raw(ADMIN_TOKEN, "/api/runs/list", nested).status()).isEqualTo(422);
  }

  @Test
  void aBodyThatIsTooLargeIsRefusedWithTheLimit() {
    byte[] large = new byte[5 << 20];
    java.util.Arrays.fill(large, (byte) ' ');
    Answer answer = server.send(ADMIN_TOKEN, "POST", "/api/runs/list", large, "application/json");
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.message()).contains("4 MiB");
  }

  @Test
  void pathsWithOddCharactersAreNoServerError() {
    for (String path :
        List.of(
            "/api/project/%00/runs/get",
            "/api/project/%2e%2e/runs/get",
            "/api/project/a%2Fb/runs/get",
            "/api/project/%ff/runs/get",
            "/api/project/%F0%9F%98%80/runs/get",
            "/api/project/main/backends/%00/get_yaml",
            "/api/project/main/repos/upload_code?repo_id=%00",
            "/api/project/main/repos/upload_code?repo_id=x&=1",
            "/api/project/main/logs/poll?wait_ms=x")) {
      Answer answer = server.raw(ADMIN_TOKEN, path, "{}");
      assertThat(answer.status()).as(path + " " + answer.body()).isBetween(400, 499);
      assertThat(answer.body()).as(path).contains("detail");
    }
  }

  @Test
  void uploadsAreCheckedAndLimited() {
    Answer none = server.raw(ADMIN_TOKEN, "/api/files/upload_archive", "{}");
    assertThat(none.status()).isEqualTo(422);
    Answer large = upload("/api/files/upload_archive", "x", new byte[3 << 20]);
    assertThat(large.status()).isEqualTo(400);
    assertThat(large.message()).contains("2.00 MiB").contains("DSTACK_SERVER_CODE_UPLOAD_LIMIT");
    Answer first =
        upload("/api/files/upload_archive", "archive", "abc".getBytes(StandardCharsets.UTF_8));
    assertThat(first.status()).as(first.body()).isEqualTo(200);
    String hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assertThat(first.json().get("hash").stringValue()).isEqualTo(hash);
    Answer again =
        upload("/api/files/upload_archive", hash, "abc".getBytes(StandardCharsets.UTF_8));
    assertThat(again.body()).isEqualTo(first.body());
    assertThat(
            server.post(ADMIN_TOKEN, "/api/files/get_archive_by_hash", Map.of("hash", hash)).body())
        .isEqualTo(first.body());
    Answer damaged =
        upload("/api/files/upload_archive", hash, "abd".getBytes(StandardCharsets.UTF_8));
    assertThat(damaged.status()).isEqualTo(400);
  }

  private Answer upload(String path, String filename, byte[] content) {
    String boundary = "XbX";
    byte[] head =
        ("--"
                + boundary
                + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\""
                + filename
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] tail = ("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8);
    byte[] body = new byte[head.length + content.length + tail.length];
    System.arraycopy(head, 0, body, 0, head.length);
    System.arraycopy(content, 0, body, head.length, content.length);
    System.arraycopy(tail, 0, body, head.length + content.length, tail.length);
    return server.send(
        ADMIN_TOKEN, "POST", path, body, "multipart/form-data; boundary=" + boundary);
  }

  @Test
  void withoutItsDatabaseTheServerSaysSo() {
    server.postgres.createDatabase("down");
    ApiServer down = new ApiServer(server.postgres, "down", ApiServer.deadTemporal());
    try {
      down.database.close();
      for (String path :
          List.of("/api/users/get_my_user", "/api/runs/list", "/api/project/main/fleets/list")) {
        Answer answer = down.raw("some-token", path, "{}");
        assertThat(answer.status()).as(answer.body()).isEqualTo(503);
        assertThat(answer.message()).contains("PostgreSQL");
      }
      assertThat(down.send(null, "GET", "/healthcheck", new byte[0], null).status()).isEqualTo(200);
      assertThat(down.send(null, "GET", "/", new byte[0], null).body()).contains("down");
    } finally {
      down.context.close();
    }
  }
}
