package dev.dstack.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FormatsTest {
  @ParameterizedTest
  @CsvSource({
    "0.1953125, , GB, 200MB..",
    "0.5, 2, GB, 512MB..2GB",
    "1.5, 1.5, GB, 1.5GB",
    ", 16, GB, ..16GB",
    "2, , '', 2.."
  })
  void rangesReadAsTheyAreWritten(Double min, Double max, String unit, String shown) {
    Map<String, Object> range = new HashMap<>();
    range.put("min", min);
    range.put("max", max);

    assertThat(Formats.range(Doc.of(range), unit)).isEqualTo(shown);
  }
}
