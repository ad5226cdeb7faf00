package dev.dstack.activities.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InterpolationTest {
  @ParameterizedTest
  @CsvSource({
    "plain, plain",
    "${{ secrets.TOKEN }}, a$1\\b",
    "${{secrets.TOKEN}}, a$1\\b",
    "x-${{ secrets.TOKEN }}-${{ secrets.OTHER }}-y, x-a$1\\b-o-y",
    "$${{ secrets.TOKEN }}, ${{ secrets.TOKEN }}",
    "${{ secrets.UNKNOWN }}, ${{ secrets.UNKNOWN }}",
    "${{ dstack.job_num }}, ${{ dstack.job_num }}",
    "${TOKEN}, ${TOKEN}",
  })
  void putsSecretsInTheirPlaces(String value, String expected) {
    assertThat(Interpolation.interpolate(value, Map.of("TOKEN", "a$1\\b", "OTHER", "o")))
        .isEqualTo(expected);
  }

  @Test
  void tellsWhichSecretsAreMeant() {
    assertThat(
            Interpolation.secretNames(
                List.of("${{ secrets.A }}${{ secrets.B }}", "$${{ secrets.C }}", "${{ env.D }}")))
        .containsExactly("A", "B");
  }
}
