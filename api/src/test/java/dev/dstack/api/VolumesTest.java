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
}
