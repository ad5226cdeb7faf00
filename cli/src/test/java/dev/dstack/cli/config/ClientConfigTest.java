package dev.dstack.cli.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.data.Yaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientConfigTest {
  @TempDir Path home;
  private Path file;

  @BeforeEach
  void twoProjects() throws IOException {
    file = home.resolve(".dstack/config.yml");
    Files.createDirectories(file.getParent());
    Files.writeString(
        file,
        """
        projects:
        - default: true
          name: main
          token: 0123-abc
          url: http://127.0.0.1:3000
        - default: false
          name: other
          token: '5678'
          url: https://example.org/
        repos:
        - path: /src
          repo_id: src-1
          repo_type: remote
          ssh_key_path: null
        """);
  }

  @Test
  void readsWhatDstacksClientWrote() {
    ClientConfig config = ClientConfig.load(file);

    assertThat(config.defaultProject())
        .contains(new ProjectEntry("main", "http://127.0.0.1:3000", "0123-abc", true));
    assertThat(config.project("other")).map(ProjectEntry::token).contains("5678");
  }

  @Test
  void writesForItsOwnerOnlyAndKeepsTheRest() throws IOException {
    ClientConfig config = ClientConfig.load(file);
    config.put(new ProjectEntry("third", "http://h:1", "a: \"b\"", true));
    config.save();

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    ClientConfig again = ClientConfig.load(file);
    assertThat(again.projects()).hasSize(3);
    assertThat(again.defaultProject()).map(ProjectEntry::name).contains("third");
    assertThat(again.project("third")).map(ProjectEntry::token).contains("a: \"b\"");
    assertThat(
            Yaml.parse("f", Files.readString(file))
                .root()
                .get("repos")
                .first()
                .get("repo_id")
                .text())
        .isEqualTo("src-1");
  }

  @Test
  void theOnlyProjectIsTheDefault() {
    ClientConfig config = ClientConfig.load(home.resolve("absent.yml"));
    config.put(new ProjectEntry("a", "http://h", "t", false));

    assertThat(config.defaultProject()).map(ProjectEntry::name).contains("a");
  }

  @Test
  void tellsWhichProjectLacksWhat() throws IOException {
    Files.writeString(file, "projects:\n- name: main\n  url: http://h\n");

    assertThatThrownBy(() -> ClientConfig.load(file))
        .hasMessageContaining("config.yml:2")
        .hasMessageContaining("`token`");
  }

  @Test
  void theVariablesCountTogether() {
    Map<String, String> all =
        Map.of("DSTACK_SERVER_URL", "http://e", "DSTACK_PROJECT", "env", "DSTACK_TOKEN", "et");

    assertThat(Connection.choose(null, all, file).url()).isEqualTo("http://e");
    assertThat(Connection.choose("env", all, file).url()).isEqualTo("http://e");
    assertThat(Connection.choose("other", all, file).url()).isEqualTo("https://example.org/");
    assertThat(Connection.choose(null, Map.of("DSTACK_SERVER_URL", "http://e"), file).name())
        .isEqualTo("main");
    assertThat(Connection.choose(null, Map.of("DSTACK_PROJECT", "other"), file).name())
        .isEqualTo("other");
    assertThat(Connection.choose(null, Map.of(), file).name()).isEqualTo("main");
  }

  @Test
  void tellsWhatToDoWithoutAProject() {
    assertThatThrownBy(() -> Connection.choose(null, Map.of(), home.resolve("absent.yml")))
        .hasMessageContaining("dstack project add");
    assertThatThrownBy(() -> Connection.choose("nope", Map.of(), file))
        .hasMessageContaining("`nope`")
        .hasMessageContaining("main, other");
  }
}
