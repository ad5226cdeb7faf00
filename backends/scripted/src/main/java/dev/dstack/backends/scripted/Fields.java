package dev.dstack.backends.scripted;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One mapping of a configuration, read with the path of each field for the error. */
final class Fields {
  private static final Pattern DURATION =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*(ms|s|m|h|d)?", Pattern.CASE_INSENSITIVE);
  private static final Pattern AMOUNT =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*(MB|GB|TB)?", Pattern.CASE_INSENSITIVE);

  private final String path;
  private final Map<?, ?> values;

  Fields(String path, Map<?, ?> values, Set<String> known) {
    this.path = path;
    this.values = values;
    for (Object key : values.keySet()) {
      if (!(key instanceof String name) || !known.contains(name)) {
        throw invalid(
            String.valueOf(key), "is not a field here; there are " + new TreeSet<>(known));
      }
    }
  }

  boolean has(String field) {
    return values.get(field) != null;
  }

  Fields child(String field, Set<String> known) {
    Object value = values.get(field);
    if (value == null) {
      return new Fields(path(field), Map.of(), known);
    }
    if (value instanceof Map<?, ?> map) {
      return new Fields(path(field), map, known);
    }
    throw invalid(field, "must be a mapping");
  }

  List<Object> list(String field) {
    Object value = values.get(field);
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return new ArrayList<>(list);
    }
    throw invalid(field, "must be a list");
  }

  Fields item(String field, int index, Object value, Set<String> known) {
    if (value instanceof Map<?, ?> map) {
      return new Fields(path(field) + "." + index, map, known);
    }
    throw invalid(field + "." + index, "must be a mapping");
  }

  String text(String field, String otherwise) {
    Object value = values.get(field);
    return value == null ? otherwise : value.toString();
  }

  String name(String field, String otherwise) {
    String text = text(field, otherwise);
    if (!text.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,59}")) {
      throw invalid(
          field, "must be a name of letters, digits, '.', '_' and '-', is '" + text + "'");
    }
    return text;
  }

  boolean flag(String field) {
    Object value = values.get(field);
    return switch (value) {
      case null -> false;
      case Boolean flag -> flag;
      default -> throw invalid(field, "must be true or false, is '" + value + "'");
    };
  }

  long whole(String field, long otherwise, long min, long max) {
    double number = number(field, (double) otherwise, (double) min, (double) max);
    if (number != Math.rint(number)) {
      throw invalid(field, "must be a whole number, is " + number);
    }
    return (long) number;
  }

  double number(String field, double otherwise, double min, double max) {
    Object value = values.get(field);
    double number;
    try {
      number =
          switch (value) {
            case null -> otherwise;
            case Number n -> n.doubleValue();
            default -> Double.parseDouble(value.toString());
          };
    } catch (NumberFormatException e) {
      throw invalid(field, "must be a number, is '" + value + "'");
    }
    if (!(number >= min && number <= max)) {
      throw invalid(
          field, "must be between " + plain(min) + " and " + plain(max) + ", is " + plain(number));
    }
    return number;
  }

  Duration duration(String field, Duration otherwise) {
    Object value = values.get(field);
    return value == null ? otherwise : duration(path(field), value.toString());
  }

  static Duration duration(String where, String text) {
    Matcher matcher = DURATION.matcher(text.strip());
    if (!matcher.matches()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          where + " must be a duration such as 500ms, 3s or 5m, is '" + text + "'");
    }
    String unit = matcher.group(2) == null ? "s" : matcher.group(2).toLowerCase(Locale.ROOT);
    double millis =
        Double.parseDouble(matcher.group(1))
            * switch (unit) {
              case "ms" -> 1;
              case "m" -> 60_000;
              case "h" -> 3_600_000;
              case "d" -> 86_400_000;
              default -> 1_000;
            };
    return Duration.ofMillis(Math.round(millis));
  }

  long mib(String field, String otherwise) {
    return mibOf(path(field), text(field, otherwise));
  }

  static long mibOf(String where, String text) {
    Matcher matcher = AMOUNT.matcher(text.strip());
    if (!matcher.matches()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, where + " must be an amount such as 16GB, is '" + text + "'");
    }
    String unit = matcher.group(2) == null ? "GB" : matcher.group(2).toUpperCase(Locale.ROOT);
    return Math.round(
        Double.parseDouble(matcher.group(1))
            * switch (unit) {
              case "MB" -> 1;
              case "TB" -> 1024 * 1024;
              default -> 1024;
            });
  }

  String path(String field) {
    return path + (path.endsWith(": ") ? "" : ".") + field;
  }

  DstackException invalid(String field, @Nullable String problem) {
    return new DstackException(ErrorKind.INVALID_SPEC, path(field) + " " + problem);
  }

  private static String plain(double number) {
    return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
  }
}
