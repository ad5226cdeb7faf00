package dev.dstack.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.config.ServerConfig;
import dev.dstack.db.crypto.EncryptionKey;
import java.util.List;
import org.junit.jupiter.api.Test;

class ServerConfigTest {
  private static ServerConfig parse(String text) {
    return ServerConfig.parse("config.yml", text, new ApiServer.FakeBackends());
  }

  @Test
  void badEntriesAreToldByFileLineAndFieldAndTheRestCounts() {
    ServerConfig config =
        parse(
            """
            projects:
            - name: main
              backends:
              - type: local
              - type: gcp
              - type: scripted
                bad: 1
              - {type: local}
            - name: "no good"
            - name: other
            bogus: 1
            default_permissions:
              allow_managers_manage_secrets: true
              allow_non_admins_create_projects: maybe
            encryption:
              keys:
              - type: aes
                name: k
                secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
              - type: rot13
              - type: identity
            """);
    assertThat(config.problems().stream().map(p -> p.line() + " " + p.field()))
        .containsExactlyInAnyOrder(
            "11 bogus",
            "5 projects[0].backends[1].type",
            "6 projects[0].backends[2]",
            "8 projects[0].backends[3].type",
            "9 projects[1].name",
            "14 default_permissions.allow_non_admins_create_projects",
            "20 encryption.keys[1].type");
    assertThat(config.problems().getFirst().pretty()).startsWith("config.yml:11: bogus: ");
    assertThat(config.projects()).hasSize(2);
    assertThat(config.projects().getFirst().backends()).hasSize(1);
    assertThat(config.projects().getLast().backends()).isNull();
    assertThat(config.defaultPermissions().managersManageSecrets()).isTrue();
    assertThat(config.defaultPermissions().nonAdminsCreateProjects()).isTrue();
    assertThat(config.keys()).hasSize(2);
    assertThat(config.keys().getFirst()).isInstanceOf(EncryptionKey.Aes.class);
    assertThat(config.toString()).doesNotContain("AAAA");
  }

  @Test
  void whatIsNoYamlIsToldWithItsLine() {
    ServerConfig config = parse("projects:\n- name: main\n  - x: [\n");
    assertThat(config.projects()).isEmpty();
    assertThat(config.problems()).hasSize(1);
    assertThat(config.problems().getFirst().line()).isGreaterThan(1);
  }

  @Test
  void anEmptyFileSaysNothing() {
    for (String text : List.of("", "# only words\n", "projects:\n", "{}")) {
      assertThat(parse(text).problems()).as(text).isEmpty();
      assertThat(parse(text).projects()).isEmpty();
      assertThat(parse(text).keys()).isNull();
    }
  }
}
