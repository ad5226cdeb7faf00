package dev.dstack.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SpecTest {
  private static Spec spec() {
    return Spec.of("x", "Does x.")
        .flag("f", "-a", "--all")
        .flag("g", "-v", "--verbose")
        .number("N", "n", "-n", "--last")
        .texts("T", "t", "-e", "--env")
        .oneOf(List.of("plain", "json"), "o", "--format")
        .onlyOne("--all", "--last")
        .positional("RUN", "the run")
        .rest("ARGS", "the rest");
  }

  @Test
  void readsTheUsualForms() {
    Args args =
        spec()
            .parse(
                List.of(
                    "-v",
                    "-e",
                    "A=1",
                    "name",
                    "--env=B=2",
                    "-eC",
                    "--format",
                    "json",
                    "--",
                    "-x",
                    "--all"));

    assertThat(args.has("--verbose")).isTrue();
    assertThat(args.has("-v")).isTrue();
    assertThat(args.texts("-e")).containsExactly("A=1", "B=2", "C");
    assertThat(args.text("--format")).isEqualTo("json");
    assertThat(args.positional(0)).isEqualTo("name");
    assertThat(args.rest(1)).containsExactly("-x", "--all");
    assertThat(args.has("--all")).isFalse();
  }

  @Test
  void readsClustersAndNumbers() {
    assertThat(spec().parse(List.of("-vn5", "r")).number("--last", 0)).isEqualTo(5);
    assertThat(spec().parse(List.of("-av", "r")).has("--all")).isTrue();
    assertThat(spec().parse(List.of("-n", "7", "r")).number("-n", 0)).isEqualTo(7);
    assertThat(spec().parse(List.of("--last=8", "r")).number("-n", 0)).isEqualTo(8);
  }

  static List<List<String>> mistakes() {
    return List.of(
        List.of(),
        List.of("--nope", "r"),
        List.of("-z", "r"),
        List.of("r", "-n"),
        List.of("r", "-n", "many"),
        List.of("r", "--format", "xml"),
        List.of("r", "--all=1"),
        List.of("r", "--all", "--last", "3"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void aMistakeIsUsage(List<String> words) {
    assertThatThrownBy(() -> spec().parse(words))
        .isInstanceOfSatisfying(
            CliException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
  }

  @Test
  void oneWordTooManyIsNamed() {
    assertThatThrownBy(() -> Spec.of("x", "").positional("RUN", "r").parse(List.of("a", "b")))
        .hasMessageContaining("`b`");
  }

  static List<String> commands() {
    return Commands.root().childNames();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(String name) {
    Command command = Commands.find(name);
    assertThat(command).isNotNull();
    assertThat(command.spec().name()).isEqualTo(name);

    String help = command.spec().help("dstack " + name, 80, false);

    assertThat(help).startsWith("Usage: dstack " + name).doesNotContain("null");
    assertThat(help.lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(110));
    for (String option : command.spec().optionNames()) {
      assertThat(help).contains(option);
    }
  }
}
