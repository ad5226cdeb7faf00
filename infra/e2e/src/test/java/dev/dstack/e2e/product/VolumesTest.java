package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Cli;
import dev.dstack.e2e.harness.Examples;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** Volumes of the server's own machine, with upstream's CLI, with ours and through the API. */
@Tag("system")
@Timeout(300)
@ExtendWith(SharedServer.class)
final class VolumesTest {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String VOLUMES = "/api/project/main/volumes/";

  private ServerProcess server;
  private Runs runs;
  private Api api;

  @BeforeEach
  void server(ServerProcess shared) {
    server = shared;
    runs = shared.runs();
    api = shared.api();
  }

  private void make(String name) {
    api.post(
            VOLUMES + "create",
            Map.of(
                "configuration",
                Map.of(
                    "type", "volume", "name", name, "backend", "aws", "region", "local", "size",
                    "1GB")))
        .ok();
    Await.until(
        name + " is active",
        LIMIT,
        () -> get(name).json().path("status").asString().equals("active"));
  }

  private Api.Reply get(String name) {
    return api.post(VOLUMES + "get", Map.of("name", name));
  }

  private Api.Reply delete(String name) {
    return api.post(VOLUMES + "delete", Map.of("names", List.of(name)));
  }

  private void awaitGone(String name) {
    Await.until(name + " is gone", LIMIT, () -> get(name).status() == 400);
  }

  private static Map<String, Object> task(String name, Object volumes, String... commands) {
    return Runs.with(Runs.task(name, commands), "volumes", volumes);
  }

  private String path(String name) {
    return server.home().resolve("mounted").resolve(name).toString();
  }

  /** The examples as they are written: volume.dstack.yml and with-volume.dstack.yml. */
  @Test
  void whatOneRunWritesTheNextOneReads() throws IOException {
    UpstreamCli dstack = new UpstreamCli(server.home());
    dstack
        .run(
            "project",
            "add",
            "--name",
            "main",
            "--url",
            server.base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    for (String file : List.of("volume.dstack.yml", "with-volume.dstack.yml")) {
      dstack.file(file, Files.readString(Examples.directory().resolve(file)));
    }
    dstack.run("apply", "-f", "volume.dstack.yml", "-y").ok().says("visits", "active");
    dstack.run("volume", "list", "-v").ok().says("visits", "local", "active");
    for (int visit = 1; visit <= 2; visit++) {
      dstack.run("apply", "-f", "with-volume.dstack.yml", "-y", "-d").ok();
      assertThat(runs.awaitEnd("with-volume", LIMIT).path("status").asString())
          .as(runs.summary("with-volume"))
          .isEqualTo("done");
      assertThat(runs.lines("with-volume")).containsExactly("visit " + visit);
    }
    // Nothing of it is left at the path.
    assertThat(Path.of("/tmp/dstack-visits")).doesNotExist();
    Cli own = server.cli();
    assertThat(own.run("volume", "-v").ok().out()).contains("visits", "active");
    dstack.run("volume", "delete", "visits", "-y").ok();
    awaitGone("visits");
    dstack.run("volume", "list").ok();
  }

  @Test
  void inUseItIsNotDeleted() {
    make("busy-data");
    runs.submit(
        task(
            "holds-data",
            List.of("busy-data:" + path("busy")),
            "echo mine > " + path("busy") + "/file",
            "sleep 600"));
    runs.awaitStatus("holds-data", LIMIT, "running");
    delete("busy-data").refused(400, "in use");
    assertThat(get("busy-data").json().at("/attachments/0/instance/fleet_name").asString())
        .isEqualTo("local");
    runs.stop("holds-data");
    runs.awaitEnd("holds-data", LIMIT);
    assertThat(get("busy-data").json().path("attachments")).isEmpty();
    delete("busy-data").ok();
    awaitGone("busy-data");
  }

  @Test
  void ofSeveralNamesTheOneThatIsThereIsTaken() {
    make("node-0");
    runs.submit(
        task(
            "by-number",
            List.of(
                Map.of("name", List.of("node-${{ dstack.job_num }}"), "path", path("numbered"))),
            "echo ok > " + path("numbered") + "/done",
            "cat " + path("numbered") + "/done"));
    JsonNode run = runs.awaitEnd("by-number", LIMIT);
    assertThat(run.path("status").asString()).as(runs.summary("by-number")).isEqualTo("done");
    assertThat(run.at("/latest_job_submission/job_runtime_data/volume_names"))
        .as("the volume that it got, also after its end")
        .singleElement()
        .satisfies(name -> assertThat(name.asString()).isEqualTo("node-0"));
    assertThat(runs.lines("by-number")).containsExactly("ok");
    delete("node-0").ok();
    awaitGone("node-0");
  }

  @Test
  void aVolumeThatIsNotThereIsRefusedByName() {
    runs.apply(task("nowhere", List.of("no-such-volume:/data"), "true"))
        .refused(400, "no-such-volume");
    api.post(
            VOLUMES + "create",
            Map.of(
                "configuration",
                Map.of(
                    "type",
                    "volume",
                    "name",
                    "far",
                    "backend",
                    "gcp",
                    "region",
                    "europe-west4",
                    "size",
                    "1GB")))
        .refused(400, "gcp");
  }

  @Test
  void aDirectoryCanBeRegisteredAndIsOnlyForgotten() throws IOException {
    Path there = Files.createDirectories(server.home().resolve("mine"));
    Files.writeString(there.resolve("file"), "kept\n");
    api.post(
            VOLUMES + "create",
            Map.of(
                "configuration",
                Map.of(
                    "type",
                    "volume",
                    "name",
                    "mine",
                    "backend",
                    "aws",
                    "region",
                    "local",
                    "volume_id",
                    there.toString())))
        .ok();
    Await.until(
        "it is active", LIMIT, () -> get("mine").json().path("status").asString().equals("active"));
    assertThat(get("mine").json().path("external").asBoolean()).isTrue();
    runs.submit(task("reads-mine", List.of("mine:" + path("mine")), "cat " + path("mine") + "/*"));
    runs.awaitEnd("reads-mine", LIMIT);
    assertThat(runs.lines("reads-mine")).containsExactly("kept");
    delete("mine").ok();
    awaitGone("mine");
    assertThat(there.resolve("file")).exists();
  }
}
