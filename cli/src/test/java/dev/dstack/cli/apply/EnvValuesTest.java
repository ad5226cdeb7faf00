package dev.dstack.cli.apply;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.data.Yaml;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EnvValuesTest {
  private static ConfigurationFile file(String yaml) {
    return new ConfigurationFile(
        "run.dstack.yml", Path.of("/"), Yaml.parse("run.dstack.yml", yaml));
  }

  @Test
  void takesValuesFromFileOptionsAndEnvironment() {
    ConfigurationFile file = file("env:\n- A=1\n- B\n- C\n- E=a=b\n");

    assertThat(
            EnvValues.resolve(
                file, List.of("C=opt", "D=x=y", "H"), Map.of("B", "shell", "H", "home")))
        .containsExactly(
            Map.entry("A", "1"),
            Map.entry("B", "shell"),
            Map.entry("C", "opt"),
            Map.entry("E", "a=b"),
            Map.entry("D", "x=y"),
            Map.entry("H", "home"));
  }

  @Test
  void readsMappings() {
    assertThat(EnvValues.resolve(file("env:\n  A: 1\n  B:\n"), List.of(), Map.of("B", "b")))
        .isEqualTo(Map.of("A", "1", "B", "b"));
  }

  @Test
  void tellsWhichVariableHasNoValue() {
    assertThatThrownBy(
            () ->
                EnvValues.resolve(file("type: task\nenv:\n- A=1\n- SECRET\n"), List.of(), Map.of()))
        .hasMessageContaining("run.dstack.yml:4")
        .hasMessageContaining("-e SECRET=VALUE");
    assertThatThrownBy(() -> EnvValues.resolve(file("type: task\n"), List.of("X"), Map.of()))
        .hasMessageContaining("-e X");
  }

  @Test
  void refusesAVariableGivenTwice() {
    assertThatThrownBy(() -> EnvValues.resolve(file("env: [A=1, A=2]"), List.of(), Map.of()))
        .hasMessageContaining("`A` is given twice");
  }

  @Test
  void fillsInWhatIsKnownHere() {
    Map<String, String> values = Map.of("run.args", "a 'b c'", "env.TOKEN", "t");

    assertThat(Interpolation.fill("python x ${{ run.args }}", values, ""))
        .isEqualTo("python x a 'b c'");
    assertThat(Interpolation.fill("${{env.TOKEN}}!", values, "")).isEqualTo("t!");
    assertThat(Interpolation.fill("$HOME ${x} $$", values, "")).isEqualTo("$HOME ${x} $");
    assertThat(Interpolation.fill("${{ secrets.S }}", values, "")).isEqualTo("${{ secrets.S }}");
    assertThat(Interpolation.fill("cost 5$", values, "")).isEqualTo("cost 5$");
    assertThatThrownBy(() -> Interpolation.fill("${{ env.NO }}", values, "f:1: "))
        .hasMessage("f:1: `env.NO` is not known here");
    assertThatThrownBy(() -> Interpolation.fill("${{ env", values, "")).hasMessageContaining("}}");
  }

  @Test
  void quotesAsAShellReads() {
    assertThat(Interpolation.quoted(List.of("--lr", "0.1", "a b", "it's", "")))
        .isEqualTo("--lr 0.1 'a b' 'it'\"'\"'s' ''");
  }
}
