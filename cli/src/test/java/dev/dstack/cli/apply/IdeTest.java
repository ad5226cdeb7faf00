package dev.dstack.cli.apply;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IdeTest {
  @TempDir Path home;

  @ParameterizedTest
  @CsvSource({
    "vscode, vscode://vscode-remote/ssh-remote+dev/work",
    "cursor, cursor://vscode-remote/ssh-remote+dev/work",
    "windsurf, windsurf://vscode-remote/ssh-remote+dev/work",
    "zed, zed://ssh/dev/work"
  })
  void linksGoToTheHostOfTheRun(String ide, String url) {
    assertThat(IdeLink.url(ide, "dev", "/work")).isEqualTo(url);
  }

  private Map<String, String> with(String name, String script) throws IOException {
    Path program = Files.createDirectories(home.resolve("app/bin")).resolve(name);
    Files.writeString(program, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    return Map.of("PATH", program.getParent().toString());
  }

  @Test
  void theCommitIsTheSecondLineOfTheVersion() throws IOException {
    assertThat(IdeVersion.find("vscode", with("code", "echo 1.99.0; echo abc123; echo x64")))
        .isEqualTo("abc123");
    assertThat(IdeVersion.find("cursor", with("cursor", "echo 1.0; echo def456")))
        .isEqualTo("def456");
    assertThat(IdeVersion.find("vscode", with("code", "exit 1"))).isNull();
    assertThat(IdeVersion.find("vscode", with("code", "echo one line"))).isNull();
    assertThat(IdeVersion.find("vscode", Map.of("PATH", "/nowhere"))).isNull();
    assertThat(IdeVersion.find("zed", Map.of("PATH", "/nowhere"))).isNull();
  }

  @Test
  void windsurfTellsInAFileBesideIt() throws IOException {
    Map<String, String> env = with("windsurf", "exit 1");
    Path app = Files.createDirectories(home.resolve("app/resources/app"));
    Files.writeString(
        app.resolve("product.json"), "{\"windsurfVersion\": \"1.13.5\", \"commit\": \"97d7a\"}");

    assertThat(IdeVersion.find("windsurf", env)).isEqualTo("1.13.5@97d7a");
  }
}
