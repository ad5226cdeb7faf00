package dev.dstack.model.json;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAccessor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Plain values, with the leniency of dstack's server: numbers as strings and strings as numbers.
 */
final class Scalars {
  private static final Pattern INTEGER = Pattern.compile("\\s*[+-]?\\d+(\\.0*)?\\s*");
  private static final ClassValue<Words> ENUMS =
      new ClassValue<>() {
        @Override
        protected Words computeValue(Class<?> raw) {
          return Words.of(raw);
        }
      };

  private Scalars() {}

  /** Why a value is not of the type that is asked for. */
  static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;
    private final String type;
    private final String text;

    Refusal(String type, String text) {
      super(text, null, false, false);
      this.type = type;
      this.text = text;
    }

    String type() {
      return type;
    }

    String text() {
      return text;
    }
  }

  static boolean knows(Class<?> raw) {
    return raw.isPrimitive()
        || raw == String.class
        || raw == Integer.class
        || raw == Long.class
        || raw == Double.class
        || raw == Boolean.class
        || raw == Instant.class
        || raw == UUID.class
        || (raw.isEnum() && !Shape.isScalar(raw));
  }

  static @Nullable Object read(Class<?> raw, JsonNode node) throws Refusal {
    if (node.isNull()) {
      return null;
    }
    if (raw == String.class) {
      return string(node);
    }
    if (raw == int.class || raw == Integer.class) {
      long value = integer(node);
      if (value != (int) value) {
        throw new Refusal("int_parsing_size", "Input is too large for an integer");
      }
      return (int) value;
    }
    if (raw == long.class || raw == Long.class) {
      return integer(node);
    }
    if (raw == double.class || raw == Double.class) {
      return decimal(node);
    }
    if (raw == boolean.class || raw == Boolean.class) {
      return bool(node);
    }
    if (raw == UUID.class) {
      return uuid(node);
    }
    if (raw == Instant.class) {
      return instant(node);
    }
    return enumeration(raw, node);
  }

  static String string(JsonNode node) throws Refusal {
    if (node.isString()) {
      return node.stringValue();
    }
    if (node.isIntegralNumber()) {
      return node.bigIntegerValue().toString();
    }
    if (node.isNumber()) {
      return decimalText(node.doubleValue());
    }
    throw new Refusal("string_type", "Input should be a valid string");
  }

  /** As people write it: 3.1, 1e+16; never 1.0E16. */
  static String decimalText(double value) {
    double magnitude = Math.abs(value);
    if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
      String plain = new BigDecimal(Double.toString(value)).toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String[] parts = Double.toString(value).split("E");
    int exponent = parts.length == 2 ? Integer.parseInt(parts[1]) : 0;
    String digits =
        parts[0].endsWith(".0") ? parts[0].substring(0, parts[0].length() - 2) : parts[0];
    String sign = exponent < 0 ? "-" : "+";
    return digits + "e" + sign + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
  }

  private static long integer(JsonNode node) throws Refusal {
    if (node.isIntegralNumber()) {
      if (!node.canConvertToLong()) {
        throw new Refusal("int_parsing_size", "Input is too large for an integer");
      }
      return node.longValue();
    }
    if (node.isNumber()) {
      double value = node.doubleValue();
      if (value != Math.rint(value) || Math.abs(value) > 9e15) {
        throw new Refusal("int_from_float", "Input should be an integer, it has a fractional part");
      }
      return (long) value;
    }
    if (node.isString()) {
      String text = node.stringValue();
      if (INTEGER.matcher(text).matches()) {
        try {
          return new BigDecimal(text.strip()).longValueExact();
        } catch (ArithmeticException e) {
          throw new Refusal("int_parsing_size", "Input is too large for an integer");
        }
      }
      throw new Refusal("int_parsing", "Input should be a valid integer, the text is not a number");
    }
    throw new Refusal("int_type", "Input should be a valid integer");
  }

  private static double decimal(JsonNode node) throws Refusal {
    if (node.isNumber()) {
      return node.doubleValue();
    }
    if (node.isString()) {
      try {
        return Double.parseDouble(node.stringValue().strip());
      } catch (NumberFormatException e) {
        throw new Refusal("float_parsing", "Input should be a valid number, the text is not one");
      }
    }
    throw new Refusal("float_type", "Input should be a valid number");
  }

  private static boolean bool(JsonNode node) throws Refusal {
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    String text = node.isString() || node.isNumber() ? string(node) : "";
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true", "t", "yes", "y", "on", "1", "1.0" -> true;
      case "false", "f", "no", "n", "off", "0", "0.0" -> false;
      default -> throw new Refusal("bool_parsing", "Input should be a valid boolean");
    };
  }

  private static UUID uuid(JsonNode node) throws Refusal {
    if (node.isString()) {
      String text = node.stringValue();
      String dashed =
          text.length() == 32
              ? text.replaceFirst("(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5")
              : text;
      if (dashed.length() == 36) {
        try {
          return UUID.fromString(dashed);
        } catch (IllegalArgumentException e) {
          throw new Refusal("uuid_parsing", "Input should be a valid UUID");
        }
      }
    }
    throw new Refusal("uuid_parsing", "Input should be a valid UUID");
  }

  static Instant instant(JsonNode node) throws Refusal {
    if (node.isNumber()) {
      // Seconds, or milliseconds when seconds would be thousands of years away.
      double seconds = node.doubleValue();
      double scaled = Math.abs(seconds) > 2e10 ? seconds / 1000 : seconds;
      return Instant.EPOCH.plus(Math.round(scaled * 1e6), ChronoUnit.MICROS);
    }
    if (node.isString()) {
      String text = node.stringValue().strip().replaceFirst("^(\\d{4}-\\d\\d-\\d\\d)[ tT_]", "$1T");
      try {
        if (text.length() == 10) {
          return LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC);
        }
        return (Instant)
            DateTimeFormatter.ISO_DATE_TIME.parseBest(
                text.replaceFirst("z$", "Z"), Scalars::zoned, Scalars::unzoned);
      } catch (DateTimeException e) {
        throw new Refusal("datetime_from_date_parsing", "Input should be a valid date and time");
      }
    }
    throw new Refusal("datetime_type", "Input should be a valid date and time");
  }

  private static Instant zoned(TemporalAccessor parsed) {
    return OffsetDateTime.from(parsed).toInstant();
  }

  private static Instant unzoned(TemporalAccessor parsed) {
    return LocalDateTime.from(parsed).toInstant(ZoneOffset.UTC);
  }

  private static Enum<?> enumeration(Class<?> raw, JsonNode node) throws Refusal {
    Words words = ENUMS.get(raw);
    Enum<?> constant =
        node.isString() || node.isNumber() ? words.constants().get(string(node)) : null;
    if (constant == null) {
      throw new Refusal(
          "enum", "Input should be one of: " + String.join(", ", words.constants().keySet()));
    }
    return constant;
  }

  static String wireName(Enum<?> constant) {
    return Objects.requireNonNull(ENUMS.get(constant.getDeclaringClass()).names().get(constant));
  }

  /** The words of an enum on the wire, both ways. */
  private record Words(Map<String, Enum<?>> constants, Map<Enum<?>, String> names) {
    static Words of(Class<?> raw) {
      Map<String, Enum<?>> constants = new LinkedHashMap<>();
      Map<Enum<?>, String> names = new HashMap<>();
      for (Object value : raw.getEnumConstants()) {
        Enum<?> constant = (Enum<?>) value;
        String word = word(raw, constant);
        names.put(constant, word);
        constants.put(word, constant);
      }
      return new Words(constants, names);
    }

    private static String word(Class<?> raw, Enum<?> constant) {
      try {
        JsonProperty property = raw.getField(constant.name()).getAnnotation(JsonProperty.class);
        return property == null ? constant.name() : property.value();
      } catch (NoSuchFieldException e) {
        throw new IllegalStateException("a constant is a field: " + constant, e);
      }
    }
  }
}
