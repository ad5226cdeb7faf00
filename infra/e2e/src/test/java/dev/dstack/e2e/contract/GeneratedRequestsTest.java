package dev.dstack.e2e.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Thousands of requests made from our own OpenAPI: whatever comes, the answer is not "the server is
 * broken". The project they go to has no fleet, so no command of a generated run is ever started.
 */
@Tag("system")
@Order(Integer.MAX_VALUE)
@ExtendWith(SharedServer.class)
final class GeneratedRequestsTest {
  private static final int SECONDS = 75;
  private static final Pattern GENERATED = Pattern.compile("([0-9,]+) generated");

  @Test
  void noRequestBreaksTheServer(ServerProcess server) throws IOException {
    Api api = server.api();
    api.post("/api/projects/create", Map.of("project_name", "generated")).ok();
    Path directory = Files.createDirectories(Repository.target().resolve("generated"));
    Path config = directory.resolve("schemathesis.toml");
    Files.writeString(
        config,
        """
        color = false
        [parameters]
        "path.project_name" = "generated"
        [headers]
        Authorization = "Bearer ${E2E_TOKEN}"
        X-API-VERSION = "0.22.5"
        """);
    Command.Result result =
        new Command(
                List.of(
                    Repository.venv().resolve("bin/schemathesis").toString(),
                    "--config-file",
                    config.toString(),
                    "run",
                    server.base() + "openapi.json",
                    "--checks",
                    "not_a_server_error",
                    "--phases",
                    "coverage,fuzzing",
                    "--max-time",
                    Integer.toString(SECONDS),
                    "--seed",
                    "20261101",
                    "--request-timeout",
                    "30",
                    "--suppress-health-check",
                    "all",
                    "--no-shrink",
                    "--continue-on-failure",
                    "--warnings",
                    "off",
                    // They would lock the test out of its own server.
                    "--exclude-path-regex",
                    "/api/users/(refresh_token|delete|update)|/proxy/.*"))
            .env("E2E_TOKEN", ServerProcess.TOKEN)
            .in(directory)
            .limit(Duration.ofSeconds(SECONDS + 120))
            .run();
    Files.writeString(directory.resolve("output.txt"), result.out() + result.err());
    result.ok();
    Matcher generated = GENERATED.matcher(result.out());
    assertThat(generated.find()).as(result.out()).isTrue();
    int count = Integer.parseInt(generated.group(1).replace(",", ""));
    System.out.println("Schemathesis made " + count + " requests.");
    assertThat(count).isGreaterThan(2000);
    assertThat(server.healthy()).isTrue();
  }
}
