package dev.dstack.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.server.ClientConfigFile.Change;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientConfigFileTest {
  private static final String URL = "http://127.0.0.1:3000";

  @TempDir Path home;
  private ClientConfigFile config;
  private Path file;

  @BeforeEach
  void setUp() {
    config = new ClientConfigFile(home);
    file = home.resolve(".dstack/config.yml");
  }

  @Test
  void theFirstProjectIsAddedForItsUserOnly() throws IOException {
    assertThat(config.put(URL, "main", "token", true)).isEqualTo(Change.ADDED);

    assertThat(Files.readString(file))
        .contains("name: main", "url: " + URL, "token: token", "default: true");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
  }

  @Test
  void doingItAgainChangesNothing() throws IOException {
    config.put(URL, "main", "token", true);
    String before = Files.readString(file);

    assertThat(config.put(URL, "main", "token", true)).isEqualTo(Change.NONE);
    assertThat(Files.readString(file)).isEqualTo(before);
  }

  @Test
  void otherProjectsAndTheirDefaultStay() throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(
        file,
        """
        projects:
        - {name: team, url: https://dstack.example, token: secret, default: true}
        repos: []
        """);

    assertThat(config.hasOtherDefault(URL, "main")).isTrue();
    config.put(URL, "main", "token", false);

    assertThat(Files.readString(file))
        .contains("name: team", "https://dstack.example", "name: main", "repos:");
    assertThat(config.hasOtherDefault(URL, "main")).isTrue();
  }

  @Test
  void becomingTheDefaultTakesItFromTheOther() {
    config.put("https://dstack.example", "team", "secret", true);

    config.put(URL, "main", "token", true);

    assertThat(config.hasOtherDefault(URL, "main")).isFalse();
  }

  @Test
  void aNewTokenIsWritten() throws IOException {
    config.put(URL, "main", "old", true);

    assertThat(config.put(URL, "main", "new", true)).isEqualTo(Change.UPDATED);
    assertThat(Files.readString(file)).contains("token: new").doesNotContain("token: old");
  }

  @Test
  void aFileThatIsNoYamlIsLeftAlone() throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "projects: [");

    assertThatThrownBy(() -> config.put(URL, "main", "token", true))
        .isInstanceOf(StartupException.class)
        .hasMessageContaining("config.yml");
    assertThat(Files.readString(file)).isEqualTo("projects: [");
  }
}
