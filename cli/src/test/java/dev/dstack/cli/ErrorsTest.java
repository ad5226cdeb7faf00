package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a person reads when it does not work: what happened, where, what to do. */
class ErrorsTest {
  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    cli = new CliHarness(home).connectedTo(server);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private String told(String... words) {
    assertThat(cli.run(words)).isEqualTo(ExitCode.FAILED);
    assertThat(cli.output()).isEmpty();
    assertThat(cli.errors())
        .startsWith("dstack: ")
        .doesNotContain("Exception")
        .doesNotContain("\tat ");
    assertThat(cli.errors().lines().count()).isLessThanOrEqualTo(3);
    return cli.errors();
  }

  private static FakeServer.Answer detail(int status, Object detail) {
    return new FakeServer.Answer(status, Map.of("detail", detail));
  }

  private static Map<String, Object> message(String text) {
    Map<String, Object> message = new HashMap<>();
    message.put("msg", text);
    message.put("code", null);
    return message;
  }

  @Test
  void nothingListens() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    cli.env.put("DSTACK_SERVER_URL", "http://127.0.0.1:" + port);

    assertThat(told("ps")).contains("http://127.0.0.1:" + port, "nothing listens", "dstack server");
  }

  @Test
  void noSuchHostAndNoUrl() {
    cli.env.put("DSTACK_SERVER_URL", "http://nowhere.invalid:1");
    assertThat(told("ps")).contains("nowhere.invalid", "no host");

    cli.err.reset();
    cli.env.put("DSTACK_SERVER_URL", "127.0.0.1:3000");
    assertThat(told("ps")).contains("`127.0.0.1:3000`", "http://127.0.0.1:3000");
  }

  @Test
  void aWrongOrMissingToken() {
    server.on("/api/runs/list", body -> detail(403, message("Invalid token")));
    assertThat(told("ps")).contains(server.url(), "token", "dstack project add");

    cli.err.reset();
    server.on("/api/runs/list", body -> detail(401, "Not authenticated"));
    assertThat(told("ps")).contains("token");
  }

  @Test
  void forbiddenIsNotAWrongToken() {
    server.on("/api/project/main/secrets/list", body -> detail(403, message("Access denied")));

    assertThat(told("secret")).contains("Access denied", "your user").doesNotContain("token");
  }

  @Test
  void noSuchProject() {
    server.on("/api/project/main/fleets/list", body -> detail(404, message("Not found")));

    assertThat(told("fleet")).contains("`main`", server.url(), "dstack project list");
  }

  @Test
  void noSuchRunAndFleet() {
    server.on(
        "/api/project/main/runs/get",
        body -> FakeServer.error(400, "Run not found", "resource_not_exists"));
    assertThat(told("logs", "nope")).contains("`nope`", "`main`", "dstack ps -a");

    cli.err.reset();
    server.on(
        "/api/project/main/fleets/get",
        body -> FakeServer.error(400, "gone", "resource_not_exists"));
    assertThat(told("fleet", "get", "nope")).contains("no fleet `nope`");
  }

  @Test
  void aServerOfAnotherVersion() {
    server.on(
        "/api/runs/list",
        body -> FakeServer.error(400, "The client version is incompatible", "error"));
    server.answers("/api/server/get_info", Map.of("server_version", "0.99.0"));

    assertThat(told("ps")).contains("incompatible", "0.99.0", "0.22.5");
  }

  @Test
  void aServerThatFailed() {
    server.on(
        "/api/runs/list", body -> new FakeServer.Answer(500, "x".getBytes(StandardCharsets.UTF_8)));

    assertThat(told("ps")).contains("HTTP 500", server.url());
  }

  @Test
  void somethingElseThanAServer() {
    server.on(
        "/api/runs/list",
        body -> new FakeServer.Answer(200, "<html>".getBytes(StandardCharsets.UTF_8)));

    assertThat(told("ps")).contains("no dstack server");
  }

  @Test
  void noProjectAtAll() {
    cli.env.clear();

    assertThat(told("ps")).contains("config.yml", "dstack server", "dstack project add");
  }

  @Test
  void noFile() {
    assertThat(told("apply")).contains(".dstack.yml", home.toString(), "-f FILE");

    cli.err.reset();
    assertThat(told("apply", "-f", "absent.yml")).contains("absent.yml");
  }

  @Test
  void usageHasItsOwnCode() {
    assertThat(cli.run("ps", "--nope")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.errors()).contains("--nope", "dstack ps --help");
    assertThat(List.of(ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.INTERRUPTED))
        .containsExactly(0, 1, 2, 130);
  }
}
