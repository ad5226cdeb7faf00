package dev.dstack.model.config;

import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A crontab line in UTC: minute, hour, day of month, month, day of week. Days of the week are
 * counted from Monday = 0, and a day must satisfy both day fields, as with the scheduler that
 * dstack uses (other crons differ in both).
 */
public final class Cron {
  private static final List<String> MONTHS =
      List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");
  private static final List<String> WEEKDAYS =
      List.of("mon", "tue", "wed", "thu", "fri", "sat", "sun");

  private static final Pattern ANY = Pattern.compile("\\*(?:/(\\d{1,9}))?");
  private static final Pattern NUMBERS =
      Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?(?:/(\\d{1,9}))?");
  private static final Pattern WORDS =
      Pattern.compile("([a-z]+)(?:-([a-z]+))?", Pattern.CASE_INSENSITIVE);

  /**
   * Every combination of day, month and weekday comes again within the cycle of the calendar, of
   * 400 years.
   */
  private static final int MONTHS_AHEAD = 400 * 12;

  private final String line;
  private final BitSet minutes;
  private final BitSet hours;
  private final BitSet days;
  private final boolean lastDay;
  private final BitSet months;
  private final BitSet weekdays;

  private Cron(
      String line,
      BitSet minutes,
      BitSet hours,
      BitSet days,
      boolean lastDay,
      BitSet months,
      BitSet weekdays) {
    this.line = line;
    this.minutes = minutes;
    this.hours = hours;
    this.days = days;
    this.lastDay = lastDay;
    this.months = months;
    this.weekdays = weekdays;
  }

  /** Throws {@link IllegalArgumentException} that tells which part is wrong. */
  public static Cron parse(String line) {
    String[] parts = line.strip().split("\\s+");
    if (parts.length != 5) {
      throw new IllegalArgumentException(
          "a crontab line has 5 fields (minute hour day month weekday), not "
              + parts.length
              + ": '"
              + line
              + "'");
    }
    Field day = new Field("day", 1, 31, List.of(), true);
    BitSet days = day.values(parts[2]);
    return new Cron(
        line,
        new Field("minute", 0, 59, List.of(), false).values(parts[0]),
        new Field("hour", 0, 23, List.of(), false).values(parts[1]),
        days,
        day.namesLast(parts[2]),
        new Field("month", 1, 12, MONTHS, false).values(parts[3]),
        new Field("weekday", 0, 6, WEEKDAYS, false).values(parts[4]));
  }

  /** The first time after this instant; empty when there is none, as for February 30. */
  public Optional<Instant> nextAfter(Instant instant) {
    LocalDateTime from =
        LocalDateTime.ofInstant(instant, ZoneOffset.UTC)
            .truncatedTo(ChronoUnit.MINUTES)
            .plusMinutes(1);
    LocalDate date = from.toLocalDate();
    Optional<LocalTime> today = matches(date) ? timeFrom(from.toLocalTime()) : Optional.empty();
    if (today.isPresent()) {
      return Optional.of(date.atTime(today.get()).toInstant(ZoneOffset.UTC));
    }
    LocalTime first =
        LocalTime.of(Math.max(0, hours.nextSetBit(0)), Math.max(0, minutes.nextSetBit(0)));
    LocalDate candidate = date.plusDays(1);
    YearMonth end = YearMonth.from(date).plusMonths(MONTHS_AHEAD);
    while (YearMonth.from(candidate).isBefore(end)) {
      if (!months.get(candidate.getMonthValue())) {
        candidate = candidate.withDayOfMonth(1).plusMonths(1);
      } else if (matches(candidate)) {
        return Optional.of(candidate.atTime(first).toInstant(ZoneOffset.UTC));
      } else {
        candidate = candidate.plusDays(1);
      }
    }
    return Optional.empty();
  }

  /** The first time after this instant that one of the lines names. */
  public static Optional<Instant> nextAfter(List<String> lines, Instant instant) {
    return lines.stream()
        .map(line -> parse(line).nextAfter(instant))
        .flatMap(Optional::stream)
        .min(Instant::compareTo);
  }

  private boolean matches(LocalDate date) {
    int day = date.getDayOfMonth();
    return months.get(date.getMonthValue())
        && (days.get(day) || (lastDay && day == date.lengthOfMonth()))
        && weekdays.get(date.getDayOfWeek().getValue() - 1);
  }

  private Optional<LocalTime> timeFrom(LocalTime from) {
    if (hours.get(from.getHour())) {
      int minute = minutes.nextSetBit(from.getMinute());
      if (minute >= 0) {
        return Optional.of(LocalTime.of(from.getHour(), minute));
      }
    }
    int hour = hours.nextSetBit(from.getHour() + 1);
    return hour < 0 ? Optional.empty() : Optional.of(LocalTime.of(hour, minutes.nextSetBit(0)));
  }

  @Override
  public String toString() {
    return line;
  }

  private record Field(String name, int min, int max, List<String> words, boolean mayBeLast) {
    BitSet values(String text) {
      BitSet values = new BitSet();
      for (String item : text.split(",", -1)) {
        add(values, item);
      }
      return values;
    }

    /** The word stands for the last day of the month, whichever that is. */
    boolean namesLast(String text) {
      for (String item : text.split(",", -1)) {
        if (isLast(item)) {
          return true;
        }
      }
      return false;
    }

    private boolean isLast(String item) {
      return mayBeLast && item.toLowerCase(Locale.ROOT).startsWith("last");
    }

    private void add(BitSet values, String item) {
      Matcher any = ANY.matcher(item);
      Matcher numbers = NUMBERS.matcher(item);
      // A word needs to be at the beginning only: what follows it is ignored.
      Matcher named = WORDS.matcher(item);
      if (any.matches()) {
        fill(values, min, max, step(item, any.group(1), max - min));
      } else if (numbers.matches()) {
        addNumbers(values, item, numbers);
      } else if (!words.isEmpty() && named.lookingAt()) {
        int first = word(item, named.group(1));
        int last = named.group(2) == null ? first : word(item, named.group(2));
        checkOrder(item, first, last);
        fill(values, first, last, 1);
      } else if (!isLast(item)) {
        throw refuse(item, "is not a value, a list, a range or a step");
      }
    }

    private void addNumbers(BitSet values, String item, Matcher numbers) {
      int first = Integer.parseInt(numbers.group(1));
      String lastText = numbers.group(2);
      String stepText = numbers.group(3);
      int last = lastText != null ? Integer.parseInt(lastText) : stepText != null ? max : first;
      checkOrder(item, first, last);
      if (first < min || last > max) {
        throw refuse(item, "is not within " + min + "-" + max);
      }
      // For the longest step a range that ends with 0 is taken as one up to the maximum.
      int length = (last == 0 ? max : last) - first;
      fill(values, first, last, step(item, stepText, length));
    }

    private static void fill(BitSet values, int first, int last, int step) {
      for (int value = first; value <= last; value += step) {
        values.set(value);
      }
    }

    private void checkOrder(String item, int first, int last) {
      if (first > last) {
        throw refuse(item, "begins after its end");
      }
    }

    private int step(String item, @Nullable String text, int longest) {
      if (text == null) {
        return 1;
      }
      int step = Integer.parseInt(text);
      if (step == 0 || step > longest) {
        throw refuse(item, "has a step that is zero or longer than the range");
      }
      return step;
    }

    private int word(String item, String word) {
      int index = words.indexOf(word.toLowerCase(Locale.ROOT));
      if (index < 0) {
        throw refuse(item, "is none of " + String.join(", ", words));
      }
      return index + min;
    }

    private IllegalArgumentException refuse(String item, String why) {
      return new IllegalArgumentException(name + " of the crontab line: '" + item + "' " + why);
    }
  }
}
