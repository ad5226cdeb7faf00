package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Runs with an image, through the API, with a real Docker Engine. */
@Tag("system")
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = Docker.WANTED,
    matches = "1",
    disabledReason = "there is no Docker Engine for the tests (DSTACK_TEST_DOCKER=1)")
@ExtendWith(SharedServer.class)
final class ContainerRunsTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private Runs runs;
  private Path directory;

  @BeforeEach
  void server(ServerProcess server) {
    assumeTrue(Files.exists(Path.of("/bin/busybox")), "busybox-static is not installed");
    runs = server.runs();
    directory = server.home();
  }

  private Map<String, Object> task(String name, String image, String... commands) {
    return Runs.with(Runs.task(name, commands), "image", image);
  }

  private JsonNode end(Map<String, Object> spec) {
    runs.submit(spec);
    return runs.awaitEnd(spec.get("run_name").toString(), LIMIT);
  }

  @Test
  void itsCommandsRunInTheImage() {
    String image = Docker.busybox(directory, "box-commands");
    Map<String, Object> spec =
        task(
            "in-a-box",
            image,
            "cat /etc/marker",
            "echo hello from $DSTACK_RUN_NAME",
            "echo $GREETING");
    spec = Runs.with(spec, "env", Map.of("GREETING", "hei"));
    JsonNode run = end(spec);
    assertThat(run.path("status").asString()).as(runs.summary("in-a-box")).isEqualTo("done");
    assertThat(runs.lines("in-a-box"))
        .containsExactly("inside box-commands", "hello from in-a-box", "hei");
    JsonNode submission = run.path("latest_job_submission");
    assertThat(submission.at("/job_runtime_data/network_mode").asString()).isEqualTo("bridge");
    assertThat(submission.at("/job_runtime_data/ports/10022").asInt()).isPositive();
    assertThat(submission.at("/job_provisioning_data/ssh_port").asInt())
        .isEqualTo(submission.at("/job_runtime_data/ports/10022").asInt());
    assertThat(submission.at("/job_provisioning_data/dockerized").asBoolean()).isFalse();
    // Neither the value nor the command is where everyone on the host can read it.
    assertThat(Docker.run("ps", "-a", "--format", "{{.Names}} {{.Command}}").ok().out())
        .doesNotContain("hei");
  }

  @Test
  void anImageKnowsWhatToRun() {
    String image =
        Docker.busybox(
            directory, "box-cmd", "ENTRYPOINT [\"/bin/echo\"]", "CMD [\"from\", \"the image\"]");
    Map<String, Object> spec = task("by-image", image);
    Runs.configuration(spec).remove("commands");
    assertThat(end(spec).path("status").asString()).isEqualTo("done");
    assertThat(runs.lines("by-image")).containsExactly("from the image");
  }

  @Test
  void userDirectoryEntrypointAndMounts() throws IOException {
    String image = Docker.busybox(directory, "box-fields");
    Path shared = Files.createDirectories(directory.resolve("shared"));
    Files.writeString(shared.resolve("file"), "of the host\n");
    Map<String, Object> spec =
        task("fields", image, "id -u", "pwd", "cat /mnt/file", "ls /none || echo left out");
    spec = Runs.with(spec, "user", "1000:1000");
    spec = Runs.with(spec, "working_dir", "/tmp");
    Map<String, Object> optional = new LinkedHashMap<>();
    optional.put("instance_path", "/no/such/directory/of/the/host");
    optional.put("path", "/none");
    optional.put("optional", true);
    spec =
        Runs.with(
            spec,
            "volumes",
            List.of(Map.of("instance_path", shared.toString(), "path", "/mnt"), optional));
    assertThat(end(spec).path("status").asString()).as(runs.summary("fields")).isEqualTo("done");
    assertThat(runs.lines("fields")).contains("1000", "/tmp", "of the host").endsWith("left out");
    Map<String, Object> other = task("entrypoint", image, "one", "two");
    other = Runs.with(other, "entrypoint", "/bin/echo -n");
    assertThat(end(other).path("status").asString()).isEqualTo("done");
    assertThat(runs.output("entrypoint")).isEqualTo("one two");
  }

  @Test
  void itsExitStatusIsKept() {
    String image = Docker.busybox(directory, "box-exit");
    JsonNode run = end(task("exits", image, "exit 7"));
    assertThat(run.path("status").asString()).isEqualTo("failed");
    assertThat(run.at("/latest_job_submission/exit_status").asInt()).isEqualTo(7);
    assertThat(run.at("/latest_job_submission/termination_reason").asString())
        .isEqualTo("container_exited_with_error");
  }

  @Test
  void anImageThatIsNotThere() {
    JsonNode run = end(task("no-image", "localhost:1/no/such:image", "true"));
    assertThat(run.path("status").asString()).isEqualTo("failed");
    assertThat(run.at("/latest_job_submission/termination_reason").asString())
        .isEqualTo("creating_container_error");
    assertThat(run.at("/latest_job_submission/termination_reason_message").asString())
        .contains("localhost:1/no/such:image");
  }

  @Test
  void itCanBeStopped() {
    String image = Docker.busybox(directory, "box-stop");
    runs.submit(task("stopped-box", image, "echo ready", "sleep 600"));
    runs.awaitStatus("stopped-box", LIMIT, "running");
    runs.stop("stopped-box");
    assertThat(runs.awaitEnd("stopped-box", LIMIT).path("termination_reason").asString())
        .isEqualTo("stopped_by_user");
    assertThat(Docker.run("ps", "-aq", "--filter", "label=dstack.run=stopped-box").ok().out())
        .isBlank();
  }
}
