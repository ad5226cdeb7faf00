package dev.dstack.db;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CleanTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"a\"|\"a\"",
        "\"a\\u0000b\"|\"a\uFFFDb\"",
        "\"a\\\\u0000b\"|\"a\\\\u0000b\"",
        "\"a\\\\\\u0000b\"|\"a\\\\\uFFFDb\"",
        "\"\\n\\u00001\"|\"\\n\uFFFD1\"",
      })
  void replacesTheEscapeOfNulAndNothingElse(String json, String clean) {
    assertThat(Clean.jsonText(json)).isEqualTo(clean);
  }

  @Test
  void replacesNulInText() {
    assertThat(Clean.text("a\0b")).isEqualTo("a\uFFFDb");
  }
}
