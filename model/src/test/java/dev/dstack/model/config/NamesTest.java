package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NamesTest {
  @ParameterizedTest
  @CsvSource({
    "ab, true",
    "a, false",
    "my-run-2, true",
    "My, false",
    "2a, false",
    "a_b, false",
    "'', false"
  })
  void rules(String name, boolean valid) {
    assertThat(Names.isValid(name)).isEqualTo(valid);
  }

  @Test
  void lengthIsLimited() {
    assertThat(Names.isValid("a".repeat(41))).isTrue();
    assertThat(Names.isValid("a".repeat(42))).isFalse();
  }

  @Property(tries = 200)
  void randomNamesAreValidAndFree(@ForAll long seed) {
    Set<String> taken = new HashSet<>();
    for (int i = 0; i < 5; i++) {
      // The same seed: the words repeat, so only the number can make the name free.
      String name = Names.random(new Random(seed), taken::contains);
      assertThat(Names.isValid(name)).isTrue();
      assertThat(taken.add(name)).isTrue();
      assertThat(name).endsWith("-" + (i + 1));
    }
  }
}
