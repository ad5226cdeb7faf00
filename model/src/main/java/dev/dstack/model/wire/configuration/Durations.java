package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Trees;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** How durations are written. */
final class Durations {
  private static final Pattern WITH_UNIT = Pattern.compile("(\\d+) *([smhdw])");

  private Durations() {}

  static boolean isOff(JsonNode node) {
    return (node.isBoolean() && !node.booleanValue())
        || (node.isString() && node.stringValue().equals("off"));
  }

  static boolean isOn(JsonNode node) {
    return node.isNull() || (node.isBoolean() && node.booleanValue());
  }

  static long seconds(JsonNode node) {
    if (node.isNumber()) {
      return (long) node.doubleValue();
    }
    String text = Trees.scalarText(node);
    if (text == null) {
      throw new IllegalArgumentException("a duration is a number of seconds or a text such as 5m");
    }
    try {
      return Long.parseLong(text.strip());
    } catch (NumberFormatException e) {
      return withUnit(text, e);
    }
  }

  private static long withUnit(String text, NumberFormatException notANumber) {
    Matcher matcher = WITH_UNIT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "not a duration: " + text + "; write it as in 90, 30s, 5m, 2h, 1d or 1w", notANumber);
    }
    long unit =
        switch (matcher.group(2)) {
          case "s" -> 1;
          case "m" -> 60;
          case "h" -> 3600;
          case "d" -> 86_400;
          default -> 604_800;
        };
    try {
      return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("the duration is too long: " + text, e);
    }
  }
}
