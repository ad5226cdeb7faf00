package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Registry;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Runs whose image lies in a private registry, from the CLI's secret to the pulled layers. */
@Tag("system")
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = Docker.WANTED,
    matches = "1",
    disabledReason = "there is no Docker Engine for the tests (DSTACK_TEST_DOCKER=1)")
@ExtendWith(SharedServer.class)
final class RegistryTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final int LAYER_BYTES = 12_000_000;

  private Runs runs;
  private Cli cli;
  private Path directory;
  private Registry registry;

  @BeforeEach
  void start(ServerProcess server) throws IOException {
    assumeTrue(Files.exists(Path.of("/bin/busybox")), "busybox-static is not installed");
    assumeTrue(Files.isExecutable(Registry.PROGRAM), "docker-registry is not installed");
    runs = server.runs();
    cli = server.cli();
    directory = Files.createTempDirectory(server.home(), "registry");
    registry = Registry.start(directory);
  }

  @AfterEach
  void stop() {
    registry.close();
  }

  @Test
  void anImageIsPulledWithTheSecretAndItsProgressIsSeen() {
    String box = Docker.busybox(directory, "box-private");
    String maker = "maker-" + ProcessHandle.current().pid();
    String fill = "dd if=/dev/urandom of=/tmp/fill bs=1000 count=" + LAYER_BYTES / 1000;
    Docker.run("run", "--name", maker, box, "/bin/busybox", "sh", "-c", "/bin/busybox " + fill)
        .ok();
    Docker.run("commit", maker, "big-private").ok();
    Docker.run("rm", maker).ok();
    registry.push(directory, "big-private", "team/big:1");
    Docker.run("image", "rm", "big-private").ok();
    cli.run("secret", "set", "registry_password", Registry.PASSWORD).ok();
    // Enough for the manifest and a part of the layer.
    registry.hold(LAYER_BYTES / 3);

    runs.submit(task("private", "team/big:1", "${{ secrets.registry_password }}"));
    JsonNode pulling =
        Await.value(
            "the pull is seen, with some of the layer",
            LIMIT,
            () -> {
              JsonNode job = runs.get("private").path("latest_job_submission");
              return job.path("status").asString().equals("pulling")
                      && job.at("/image_pull_progress/downloaded_bytes").asLong() > 0
                  ? Optional.of(job)
                  : Optional.empty();
            },
            () -> runs.summary("private") + " " + runs.get("private"));
    JsonNode progress = pulling.path("image_pull_progress");
    assertThat(progress.path("downloaded_bytes").asLong())
        .isLessThan(progress.path("total_bytes").asLong());
    assertThat(progress.path("total_bytes").asLong()).isGreaterThan(LAYER_BYTES / 2);
    cli.run("ps").ok().says("private", "pulling");
    registry.release();

    assertThat(runs.awaitEnd("private", LIMIT).path("status").asString())
        .as(runs.summary("private"))
        .isEqualTo("done");
    assertThat(runs.lines("private")).containsExactly("pulled " + LAYER_BYTES);
    assertThat(runs.get("private").toString()).doesNotContain("\"" + Registry.PASSWORD + "\"");
    Docker.run("image", "rm", "--force", registry.host() + "/team/big:1");
  }

  @Test
  void aRegistryThatRefusesIsTheReason() {
    registry.push(directory, Docker.busybox(directory, "box-denied"), "team/denied:1");
    cli.run("secret", "set", "wrong_password", "not-the-password").ok();
    runs.submit(task("wrong-password", "team/denied:1", "${{ secrets.wrong_password }}"));
    String wrong = refusal("wrong-password");
    assertThat(wrong).contains("denied access").doesNotContain("not-the-password");

    runs.submit(task("no-password", "team/denied:1", null));
    assertThat(refusal("no-password")).contains("denied access", "registry_auth");

    runs.submit(task("no-such-image", "team/missing:1", Registry.PASSWORD));
    assertThat(refusal("no-such-image")).contains("there is no " + registry.host());

    cli.file(
        "no-such-secret.dstack.yml",
        """
        type: task
        name: no-such-secret
        image: %s/team/denied:1
        registry_auth:
          username: ada
          password: ${{ secrets.nobody_has_set_it }}
        commands: ["true"]
        resources: {cpu: 1.., memory: 100MB.., disk: 100MB..}
        """
            .formatted(registry.host()));
    Command.Result result =
        cli.command("apply", "-f", "no-such-secret.dstack.yml", "-y").limit(LIMIT).run().fails();
    assertThat(result.out() + result.err()).contains("nobody_has_set_it");
  }

  /** Why the only job of a run could not begin. */
  private String refusal(String name) {
    JsonNode run = runs.awaitEnd(name, LIMIT);
    JsonNode job = run.path("latest_job_submission");
    assertThat(run.path("status").asString()).as(runs.summary(name)).isEqualTo("failed");
    assertThat(job.path("termination_reason").asString()).isEqualTo("creating_container_error");
    return job.path("termination_reason_message").asString();
  }

  private Map<String, Object> task(String name, String image, @Nullable String password) {
    Map<String, Object> task =
        Runs.with(
            Runs.task(name, "echo pulled $(/bin/busybox stat -c %s /tmp/fill)"),
            "image",
            registry.host() + "/" + image);
    return password == null
        ? task
        : Runs.with(task, "registry_auth", Map.of("username", Registry.USER, "password", password));
  }
}
