package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.ServerConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class VolumesTest {
  private final ApiServer server = ApiServer.shared();

  @Test
  void ofManyWhoMakeOneVolumeAtOnceOneHasIt() {
    String project = projectWithLocal();
    String volumes = "/api/project/" + project + "/volumes/";
    List<CompletableFuture<Answer>> answers = new ArrayList<>();
    for (int i = 1; i <= 8; i++) {
      Map<String, Object> configuration =
          Map.of(
              "type", "volume", "name", "data", "backend", "aws", "region", "local", "size",
              i + "GB");
      answers.add(
          CompletableFuture.supplyAsync(
              () ->
                  server.post(
                      ADMIN_TOKEN, volumes + "create", Map.of("configuration", configuration))));
    }
    int made = 0;
    for (CompletableFuture<Answer> pending : answers) {
      Answer answer = pending.join();
      if (answer.status() == 200) {
        made++;
      } else {
        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.body()).contains("data exists already in this project");
      }
    }
    assertThat(made).isEqualTo(1);
    assertThat(server.post(ADMIN_TOKEN, volumes + "list", Map.of()).json()).hasSize(1);
  }

  private void make(String project, String name, String region) {
    Map<String, Object> configuration =
        Map.of("type", "volume", "name", name, "backend", "aws", "region", region, "size", "1GB");
    Answer made =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/volumes/create",
            Map.of("configuration", configuration));
    assertThat(made.status()).as(made.body()).isEqualTo(200);
  }

  private String projectWithLocal() {
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

  /** A file names a cloud also for a volume of the server's own machine. */
  @Test
  void onlyACloudsOwnVolumesKeepItsBackend() {
    String project = projectWithLocal();
    String backends = "/api/project/" + project + "/backends/";
    Map<String, Object> aws = Map.of("backends_names", List.of("aws"));
    Map<String, Object> entry = Map.of("type", "aws", "creds", Map.of("type", "default"));
    assertThat(server.post(ADMIN_TOKEN, backends + "create", entry).status()).isEqualTo(200);
    make(project, "near", "local");
    assertThat(server.post(ADMIN_TOKEN, backends + "delete", aws).status()).isEqualTo(200);

    assertThat(server.post(ADMIN_TOKEN, backends + "create", entry).status()).isEqualTo(200);
    make(project, "far", "us-east-1");
    Answer refused = server.post(ADMIN_TOKEN, backends + "delete", aws);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.message()).contains("used by volume far.").doesNotContain("near");
  }

  @Test
  void oneVolumeIsMountedOnce() {
    String project = projectWithLocal();
    make(project, "data", "local");
    Map<String, Object> task =
        Map.of(
            "type",
            "task",
            "commands",
            List.of("true"),
            "volumes",
            List.of("data:/one", "data:/two"));
    Answer refused =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/get_plan",
            Map.of("run_spec", Map.of("configuration", task)));
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.message()).contains("`volumes`: data is mounted twice");
  }
}
