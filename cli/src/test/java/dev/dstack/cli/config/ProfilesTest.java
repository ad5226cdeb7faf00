package dev.dstack.cli.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfilesTest {
  @TempDir Path directory;
  private Path cwd;
  private Path home;

  @BeforeEach
  void files() throws IOException {
    cwd = Files.createDirectories(directory.resolve("work"));
    home = Files.createDirectories(directory.resolve("home/.dstack"));
    Files.createDirectories(cwd.resolve(".dstack"));
    Files.writeString(
        cwd.resolve(".dstack/profiles.yml"),
        "profiles:\n- name: cheap\n  max_price: 0.5\n- name: usual\n  default: true\n  regions: [eu]\n");
    Files.writeString(
        home.resolve("profiles.yml"),
        "profiles:\n- name: cheap\n  max_price: 9\n- name: far\n  regions: [us]\n");
  }

  private Object chosen(boolean none, String name, Map<String, String> env) {
    return Profiles.choose(none, name, env, cwd, home).get("name");
  }

  @Test
  void followsThePrecedence() {
    Map<String, String> byEnv = Map.of("DSTACK_PROFILE", "far");
    Map<String, String> noneByEnv = Map.of("DSTACK_NO_PROFILE", "1", "DSTACK_PROFILE", "far");

    assertThat(chosen(false, null, Map.of())).isEqualTo("usual");
    assertThat(chosen(false, null, byEnv)).isEqualTo("far");
    assertThat(chosen(false, "cheap", byEnv)).isEqualTo("cheap");
    assertThat(chosen(false, null, noneByEnv)).isEqualTo("no-profile");
    assertThat(chosen(false, "cheap", noneByEnv)).isEqualTo("cheap");
    assertThat(chosen(true, null, byEnv)).isEqualTo("no-profile");
  }

  @Test
  void theNearerFileWins() {
    assertThat(Profiles.choose(false, "cheap", Map.of(), cwd, home).get("max_price"))
        .hasToString("0.5");
  }

  @Test
  void withoutFilesThereIsAnEmptyDefault() {
    assertThat(Profiles.choose(false, null, Map.of(), directory, directory))
        .isEqualTo(Map.of("name", "default"));
  }

  @Test
  void anUnknownNameTellsWhereItWasLookedFor() {
    assertThatThrownBy(() -> chosen(false, "nope", Map.of()))
        .hasMessageContaining("`nope`")
        .hasMessageContaining(cwd.resolve(".dstack/profiles.yml").toString());
  }
}
