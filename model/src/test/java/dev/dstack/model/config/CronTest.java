package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CronTest {
  /** Lines with the answer of the scheduler that dstack's server uses. */
  static Stream<String> cases() throws IOException {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                CronTest.class.getResourceAsStream("cron-cases.tsv"), StandardCharsets.UTF_8))) {
      return reader.lines().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithTheSchedulerWeFollow(String line) {
    String[] parts = line.split("\t");
    assertThat(answer(parts[0], Instant.parse(parts[1]))).isEqualTo(parts[2]);
  }

  private static String answer(String line, Instant after) {
    Cron cron;
    try {
      cron = Cron.parse(line);
    } catch (IllegalArgumentException e) {
      return "invalid";
    }
    return cron.nextAfter(after).map(Instant::toString).orElse("never");
  }

  @ParameterizedTest
  @CsvSource({
    // Days of the week begin with Monday: 0 is Monday, 6 is Sunday.
    "0 8 * * 0, 2027-03-01T08:00:00Z",
    "0 8 * * 6, 2027-02-28T08:00:00Z",
    "0 8 * * sun, 2027-02-28T08:00:00Z",
    // Both day fields must hold, not one of them.
    "0 0 13 * fri, 2027-08-13T00:00:00Z",
    "30 23 last * *, 2027-02-28T23:30:00Z",
    "*/20 5-6 * * *, 2027-02-28T05:00:00Z",
    "0 0 29 feb *, 2028-02-29T00:00:00Z",
  })
  void next(String line, Instant expected) {
    assertThat(Cron.parse(line).nextAfter(Instant.parse("2027-02-27T12:00:30Z")))
        .contains(expected);
  }

  @Test
  void aDateThatNeverComesHasNoNextTime() {
    assertThat(Cron.parse("0 0 30 feb *").nextAfter(Instant.EPOCH)).isEmpty();
  }

  @Test
  void ofSeveralLinesTheFirstTimeCounts() {
    assertThat(
            Cron.nextAfter(
                List.of("0 9 * * *", "0 8 * * *"), Instant.parse("2027-01-01T00:00:00Z")))
        .contains(Instant.parse("2027-01-01T08:00:00Z"));
  }

  @Test
  void whatIsWrongIsNamed() {
    assertThatThrownBy(() -> Cron.parse("0 25 * * *"))
        .hasMessageContaining("hour")
        .hasMessageContaining("25");
    assertThatThrownBy(() -> Cron.parse("0 8 * *")).hasMessageContaining("5 fields");
    assertThatThrownBy(() -> Cron.parse("0 8 * * funday")).hasMessageContaining("funday");
  }

  @Property(tries = 300)
  void theNextTimeIsTheFirstThatMatches(
      @ForAll @IntRange(max = 59) int minute,
      @ForAll @IntRange(min = 1, max = 23) int step,
      @ForAll @IntRange(max = 6) int weekday,
      @ForAll @IntRange(max = 40_000_000) int secondsIntoTheDecade) {
    Instant after = Instant.parse("2030-01-01T00:00:00Z").plusSeconds(secondsIntoTheDecade);
    Cron cron = Cron.parse(minute + " */" + step + " * * " + weekday);
    Optional<Instant> next = cron.nextAfter(after);
    assertThat(next).contains(bruteForce(after, minute, step, weekday));
    // A time is never its own successor.
    assertThat(cron.nextAfter(next.get()))
        .hasValueSatisfying(t -> assertThat(t).isAfter(next.get()));
  }

  private static Instant bruteForce(Instant after, int minute, int step, int weekday) {
    Instant candidate = Instant.ofEpochSecond((after.getEpochSecond() / 60 + 1) * 60);
    while (true) {
      LocalDateTime time = LocalDateTime.ofInstant(candidate, ZoneOffset.UTC);
      if (time.getMinute() == minute
          && time.getHour() % step == 0
          && time.getDayOfWeek().getValue() - 1 == weekday) {
        return candidate;
      }
      candidate = candidate.plus(Duration.ofMinutes(1));
    }
  }
}
