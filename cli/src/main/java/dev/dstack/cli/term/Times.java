package dev.dstack.cli.term;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import org.jspecify.annotations.Nullable;

/** Times and durations in the words of a person. */
public final class Times {
  private static final String UNITS = "wdhms";
  private static final long[] SECONDS = {604_800, 86_400, 3600, 60, 1};

  private Times() {}

  public static String ago(@Nullable Instant time, Instant now) {
    if (time == null) {
      return "-";
    }
    long seconds = Duration.between(time, now).toSeconds();
    if (seconds < 10) {
      return "now"; // a clock that is a little behind the server's included
    }
    if (seconds < 60) {
      return seconds + " sec ago";
    }
    if (seconds < 3600) {
      return some(seconds / 60, "min");
    }
    if (seconds < 86_400) {
      return some(seconds / 3600, "hour");
    }
    long days = seconds / 86_400;
    if (days == 1) {
      return "yesterday";
    }
    if (days < 7) {
      return some(days, "day");
    }
    if (days < 31) {
      return some(days / 7, "week");
    }
    return days < 365 ? some(days / 30, "month") : some(days / 365, "year");
  }

  private static String some(long count, String unit) {
    return count + " " + unit + (count == 1 ? "" : "s") + " ago";
  }

  /**
   * In the largest unit that leaves no rest, as it is written in configurations: 300 is 5m, 90 is
   * 90s.
   */
  public static String exact(long seconds) {
    for (int i = 0; i < SECONDS.length && seconds > 0; i++) {
      if (seconds % SECONDS[i] == 0) {
        return seconds / SECONDS[i] + String.valueOf(UNITS.charAt(i));
      }
    }
    return seconds + "s";
  }

  /** For a clock that is watched: 4s, 1m 05s, 2h 03m. */
  public static String elapsed(Duration elapsed) {
    long seconds = elapsed.toSeconds();
    if (seconds < 60) {
      return seconds + "s";
    }
    return seconds < 3600
        ? seconds / 60 + "m " + two(seconds % 60) + "s"
        : seconds / 3600 + "h " + two(seconds / 60 % 60) + "m";
  }

  public static String local(Instant time) {
    LocalDateTime local = LocalDateTime.ofInstant(time, ZoneId.systemDefault());
    return local.getYear()
        + "-"
        + two(local.getMonthValue())
        + "-"
        + two(local.getDayOfMonth())
        + " "
        + two(local.getHour())
        + ":"
        + two(local.getMinute())
        + ":"
        + two(local.getSecond());
  }

  /**
   * Seconds of {@code 90}, {@code 90s}, {@code 5m}, {@code 2h}, {@code 1d}, {@code 1w}; null for
   * anything else.
   */
  public static @Nullable Long seconds(String text) {
    if (text.isEmpty()) {
      return null;
    }
    int unit = UNITS.indexOf(text.charAt(text.length() - 1));
    String digits = unit < 0 ? text : text.substring(0, text.length() - 1);
    if (digits.isEmpty() || digits.length() > 12) {
      return null;
    }
    for (int i = 0; i < digits.length(); i++) {
      if (digits.charAt(i) < '0' || digits.charAt(i) > '9') {
        return null;
      }
    }
    return Long.parseLong(digits) * (unit < 0 ? 1 : SECONDS[unit]);
  }

  /**
   * A duration back from now, or a point in time; one without a zone is UTC. Null for anything
   * else.
   */
  public static @Nullable Instant since(String text, Instant now) {
    Long seconds = seconds(text);
    if (seconds != null) {
      return now.minusSeconds(seconds);
    }
    try {
      int time = text.indexOf('T');
      boolean zoned =
          text.endsWith("Z")
              || (time > 0 && (text.indexOf('+', time) > 0 || text.indexOf('-', time) > 0));
      if (zoned) {
        return java.time.OffsetDateTime.parse(text).toInstant();
      }
      return LocalDateTime.parse(time < 0 ? text + "T00:00:00" : text).toInstant(ZoneOffset.UTC);
    } catch (DateTimeParseException e) {
      return null;
    }
  }

  private static String two(long number) {
    return number < 10 ? "0" + number : String.valueOf(number);
  }
}
