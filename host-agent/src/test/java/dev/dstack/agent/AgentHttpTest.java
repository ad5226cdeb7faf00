package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad calls get a clear answer and change nothing. */
@Timeout(120)
class AgentHttpTest {
  @TempDir static Path directory;
  private static AgentProcess agent;

  @BeforeAll
  static void start() {
    agent =
        AgentProcess.start(directory.resolve("home"), "-Ddstack.agent.max-archive-bytes=100000");
  }

  @AfterAll
  static void stop() {
    agent.close();
  }

  private static AgentProtocol.Failure failure(HttpResponse<byte[]> response) {
    return Json.strict().readValue(response.body(), AgentProtocol.Failure.class);
  }

  private static HttpResponse<byte[]> post(String body) {
    return agent.call("POST", "/v1/tasks", body.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void withoutTheTokenThereIsNothing() {
    for (String token : new String[] {null, "", "wrong", agent.token() + "x"}) {
      HttpResponse<byte[]> response = agent.call("GET", "/v1/info", null, token);
      assertThat(response.statusCode()).isEqualTo(401);
      assertThat(failure(response).message()).contains("token");
    }
  }

  @Test
  void tokenAndAddressAreForTheAgentsUserOnly() throws IOException {
    for (String file : List.of("token", "agent.json", "agent.log")) {
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(agent.home().resolve(file))))
          .as(file)
          .isEqualTo("rw-------");
    }
    assertThat(Files.readString(agent.home().resolve("agent.log"))).doesNotContain(agent.token());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"id\":\"not-a-uuid\"}",
        "{\"id\":\"11111111-1111-1111-1111-111111111111\",\"surprise\":1}",
        "{\"id\":\"11111111-1111-1111-1111-111111111111\",\"name\":\"n\",\"command\":\"planted\"}",
      })
  void badJsonIsRefusedWithoutQuotingIt(String body) {
    HttpResponse<byte[]> response = post(body);

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(failure(response).kind()).isEqualTo("INVALID_SPEC");
    assertThat(failure(response).message()).doesNotContain("planted");
  }

  @ParameterizedTest
  @CsvSource({
    "a.b, x, a.b",
    "1A, x, 1A",
    "'', x, can't be a variable",
  })
  void namesThatNoProcessCanHaveAreNamed(String name, String value, String said) {
    HttpResponse<byte[]> response =
        agent.call(
            "POST",
            "/v1/tasks",
            Json.strict()
                .writeValueAsBytes(AgentProcess.request(List.of("true"), Map.of(name, value))));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(failure(response).message()).contains(said);
  }

  @Test
  void whatIsTooLargeIsRefusedWithItsLimit() {
    String large = "x".repeat(200_000);
    for (TaskRequest request :
        List.of(
            AgentProcess.request(List.of("echo", large), Map.of()),
            AgentProcess.request(List.of("echo"), Map.of("A", large)))) {
      HttpResponse<byte[]> response =
          agent.call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(request));
      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(failure(response).message()).contains("the limit").doesNotContain("xxx");
    }
    HttpResponse<byte[]> body = post("\"" + "y".repeat(9_000_000) + "\"");
    assertThat(body.statusCode()).isEqualTo(400);
    assertThat(failure(body).message()).contains("8388608");

    HttpResponse<byte[]> archive =
        agent.call("PUT", "/v1/archives/" + "0".repeat(64), new byte[100_001]);
    assertThat(archive.statusCode()).isEqualTo(400);
    assertThat(failure(archive).message()).contains("100000");
  }

  @Test
  void aWrongHashIsRefused() {
    HttpResponse<byte[]> response =
        agent.call("PUT", "/v1/archives/" + "0".repeat(64), new byte[] {1, 2, 3});

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(failure(response).message()).contains("SHA-256");
    assertThat(agent.call("HEAD", "/v1/archives/" + "0".repeat(64), null).statusCode())
        .isEqualTo(404);
    assertThat(agent.call("PUT", "/v1/archives/..%2fx", new byte[1]).statusCode()).isEqualTo(404);
    assertThat(agent.call("PUT", "/v1/archives/..", new byte[1]).statusCode()).isEqualTo(400);
  }

  @Test
  void aMissingArchiveIsNamedAtOnce() {
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("true"),
            Map.of(),
            null,
            null,
            List.of(new TaskRequest.FileMount("a".repeat(64), "code")),
            null,
            5,
            0);
    HttpResponse<byte[]> response =
        agent.call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(request));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(failure(response).kind()).isEqualTo("FILE_NOT_FOUND");
  }

  @ParameterizedTest
  @ValueSource(strings = {"nobody-of-this-name", "no such", "root:no-such-group"})
  void anUnknownUserIsNamed(String user) {
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("true"),
            Map.of(),
            null,
            user,
            List.of(),
            null,
            5,
            0);
    HttpResponse<byte[]> response =
        agent.call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(request));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(failure(response).message()).startsWith("user: ");
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /v1/tasks/11111111-1111-1111-1111-111111111111, 404",
    "GET, /v1/tasks/11111111-1111-1111-1111-111111111111/watch?since=0, 404",
    "GET, /v1/tasks/11111111-1111-1111-1111-111111111111/logs?offset=0, 404",
    "DELETE, /v1/tasks/11111111-1111-1111-1111-111111111111, 204",
    "GET, /v1/tasks/11111111-1111-1111-1111-111111111111/logs?offset=-1, 400",
    "GET, /v1/tasks/11111111-1111-1111-1111-111111111111/watch?since=abc, 400",
    "GET, /v1/tasks/..%2F..%2Fetc, 404",
    "GET, /v1/tasks/.., 400",
    "GET, /v1/tasks/x/y/z, 404",
    "GET, /v2/info, 404",
    "GET, /, 404",
    "PATCH, /v1/info, 404",
  })
  void unknownThingsAndPaths(String method, String path, int status) {
    assertThat(agent.call(method, path, null).statusCode()).isEqualTo(status);
  }

  @Test
  void stoppingTheUnknownIsNotFound() {
    byte[] stop =
        "{\"reason\":\"aborted_by_user\",\"grace_seconds\":0}".getBytes(StandardCharsets.UTF_8);
    assertThat(
            agent
                .call("POST", "/v1/tasks/11111111-1111-1111-1111-111111111111/stop", stop)
                .statusCode())
        .isEqualTo(404);
  }

  @Test
  void aWatchEndsWhenItsTimeIsOver() {
    TaskRequest request = AgentProcess.shell("sleep 600");
    agent.submit(request);
    TaskInfo info = agent.running(request.id());

    TaskInfo same = agent.watch(request.id(), info.seq(), info.logEnd(), 50);

    assertThat(same).isEqualTo(info);
  }
}
