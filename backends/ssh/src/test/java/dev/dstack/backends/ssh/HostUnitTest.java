package dev.dstack.backends.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** What systemd itself thinks of the unit that is written to hosts. */
@EnabledIf(value = "possible", disabledReason = "needs systemd-analyze (systemd)")
final class HostUnitTest {
  @TempDir Path directory;

  static boolean possible() {
    return Files.isExecutable(Path.of("/usr/bin/systemd-analyze"));
  }

  @Test
  void isFoundToBeInOrder() throws Exception {
    String text = HostScripts.unit("1.0.0-x86_64");
    assertThat(verified(text)).isEmpty();
    assertThat(verified(text.replace("Restart=always", "Restart=whenever") + "\nNoSuchKey=1\n"))
        .as("a mistake would be found")
        .contains("whenever", "NoSuchKey");
  }

  /** Empty: it has no objections. */
  private String verified(String text) throws IOException, InterruptedException {
    Path unit = Files.writeString(directory.resolve(HostScripts.UNIT_NAME), text + "\n");
    Process process =
        new ProcessBuilder("systemd-analyze", "verify", "--man=no", unit.toString())
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    // Units of this machine, and what it lacks of a machine that runs systemd, are not the matter.
    return said.lines()
        .filter(line -> line.contains(HostScripts.UNIT_NAME))
        .reduce("", (all, line) -> all + line + "\n");
  }
}
