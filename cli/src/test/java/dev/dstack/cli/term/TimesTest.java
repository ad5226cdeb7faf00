package dev.dstack.cli.term;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimesTest {
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

  @ParameterizedTest
  @CsvSource({
    "-5, now",
    "0, now",
    "9, now",
    "10, 10 sec ago",
    "59, 59 sec ago",
    "60, 1 min ago",
    "119, 1 min ago",
    "300, 5 mins ago",
    "3599, 59 mins ago",
    "3600, 1 hour ago",
    "7200, 2 hours ago",
    "86399, 23 hours ago",
    "86400, yesterday",
    "172800, 2 days ago",
    "604800, 1 week ago",
    "2592000, 4 weeks ago",
    "2678400, 1 month ago",
    "31536000, 1 year ago",
    "63072000, 2 years ago"
  })
  void saysHowLongAgo(long seconds, String words) {
    assertThat(Times.ago(NOW.minusSeconds(seconds), NOW)).isEqualTo(words);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0s",
    "1, 1s",
    "60, 1m",
    "90, 90s",
    "300, 5m",
    "3600, 1h",
    "259200, 3d",
    "604800, 1w"
  })
  void writesDurationsAsConfigurationsDo(long seconds, String text) {
    assertThat(Times.exact(seconds)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"90, 90", "90s, 90", "5m, 300", "2h, 7200", "1d, 86400", "1w, 604800"})
  void readsDurations(String text, long seconds) {
    assertThat(Times.seconds(text)).isEqualTo(seconds);
  }

  @Test
  void refusesWhatIsNoDuration() {
    assertThat(Times.seconds("")).isNull();
    assertThat(Times.seconds("5x")).isNull();
    assertThat(Times.seconds("m")).isNull();
    assertThat(Times.seconds("-5")).isNull();
    assertThat(Times.since("yesterday", NOW)).isNull();
  }

  @Test
  void readsPointsInTime() {
    assertThat(Times.since("5m", NOW)).isEqualTo(NOW.minus(Duration.ofMinutes(5)));
    assertThat(Times.since("2026-01-02T03:04:05Z", NOW)).isEqualTo("2026-01-02T03:04:05Z");
    assertThat(Times.since("2026-01-02T03:04:05+01:00", NOW)).isEqualTo("2026-01-02T02:04:05Z");
    assertThat(Times.since("2026-01-02T03:04:05", NOW)).isEqualTo("2026-01-02T03:04:05Z");
    assertThat(Times.since("2026-01-02", NOW)).isEqualTo("2026-01-02T00:00:00Z");
  }

  @Test
  void countsAsAClock() {
    assertThat(Times.elapsed(Duration.ofSeconds(4))).isEqualTo("4s");
    assertThat(Times.elapsed(Duration.ofSeconds(65))).isEqualTo("1m 05s");
    assertThat(Times.elapsed(Duration.ofMinutes(123))).isEqualTo("2h 03m");
  }
}
