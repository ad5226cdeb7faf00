package dev.dstack.cli.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.CliException;
import java.util.List;
import org.junit.jupiter.api.Test;

class YamlTest {
  @Test
  void readsWordsAsDstacksFilesMeanThem() {
    Doc root =
        Yaml.parse(
                "f",
                """
                on: yes
                max_duration: off
                price: 1.50
                nodes: 2
                nothing: ~
                text: "off"
                zeros: 007
                port: 80:8080
                """)
            .root();

    assertThat(root.get("on").value()).isEqualTo(true);
    assertThat(root.get("max_duration").value()).isEqualTo(false);
    assertThat(root.get("price").number()).isEqualTo(1.5);
    assertThat(root.get("nodes").value()).isEqualTo(2L);
    assertThat(root.get("nothing").isNull()).isTrue();
    assertThat(root.get("text").value()).isEqualTo("off");
    assertThat(root.get("zeros").value()).isEqualTo("007");
    assertThat(root.get("port").value()).isEqualTo("80:8080");
  }

  @Test
  void keepsEnvironmentValuesAsWritten() {
    Doc env = Yaml.parse("f", "env:\n  VERSION: 3.10\n  DEBUG: yes\n  TOKEN:\n").root().get("env");

    assertThat(env.get("VERSION").value()).isEqualTo("3.10");
    assertThat(env.get("DEBUG").value()).isEqualTo("yes");
    assertThat(env.get("TOKEN").isNull()).isTrue();
  }

  @Test
  void knowsTheLineOfEveryValue() {
    Yaml yaml = Yaml.parse("f", "type: task\nresources:\n  gpu:\n    count: 1\nfiles:\n- a\n- b\n");

    assertThat(yaml.line(List.of("type"))).isEqualTo(1);
    assertThat(yaml.line(List.of("resources", "gpu", "count"))).isEqualTo(4);
    assertThat(yaml.line(List.of("files", 1))).isEqualTo(7);
    assertThat(yaml.line(List.of("resources", "unknown"))).isEqualTo(2);
  }

  @Test
  void tellsWhereItIsWrong() {
    assertThatThrownBy(() -> Yaml.parse("a.yml", "type: task\n  bad: [\n"))
        .isInstanceOf(CliException.class)
        .hasMessageStartingWith("a.yml:2: this is no YAML");
    assertThatThrownBy(() -> Yaml.parse("a.yml", "a: 1\nb: 2\na: 3\n"))
        .hasMessageContaining("a.yml:3")
        .hasMessageContaining("`a`");
    assertThatThrownBy(() -> Yaml.parse("a.yml", "a: 1\n---\nb: 2\n"))
        .isInstanceOf(CliException.class);
  }

  @Test
  void anEmptyFileIsNothing() {
    assertThat(Yaml.parse("f", "").root().isNull()).isTrue();
    assertThat(Yaml.parse("f", "# only a comment\n").root().isNull()).isTrue();
  }

  @Test
  void numbersAreTheSameByValue() {
    assertThat(JsonText.read("{\"a\":[1,2.0]}".getBytes()))
        .isEqualTo(JsonText.read("{\"a\":[1.0,2]}".getBytes()));
    assertThat(JsonText.pretty(JsonText.read("{\"a\":[],\"b\":{\"c\":1}}".getBytes())))
        .isEqualTo("{\n  \"a\": [],\n  \"b\": {\n    \"c\": 1\n  }\n}");
  }
}
