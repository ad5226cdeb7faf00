package dev.dstack.model.wire.resources;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Trees;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/**
 * A size, written as a number of gigabytes or with a unit: {@code 512MB}, {@code 8GB}, {@code 1TB}.
 */
public record Memory(@JsonValue double gigabytes) implements Comparable<Memory> {
  public Memory {
    if (Double.isNaN(gigabytes) || Double.isInfinite(gigabytes)) {
      throw new IllegalArgumentException("a size is a finite number");
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Memory parse(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text == null) {
      throw new IllegalArgumentException("a size is a number of gigabytes or a text such as 8GB");
    }
    return parse(text);
  }

  public static Memory parse(String text) {
    String compact = text.replace(" ", "").toLowerCase(Locale.ROOT);
    try {
      if (compact.endsWith("tb")) {
        return new Memory(number(compact) * 1024);
      }
      if (compact.endsWith("gb")) {
        return new Memory(number(compact));
      }
      if (compact.endsWith("mb")) {
        return new Memory(number(compact) / 1024);
      }
      return new Memory(Double.parseDouble(compact));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "not a size: " + text + "; write it as in 512MB, 8GB or 1TB", e);
    }
  }

  private static double number(String text) {
    return Double.parseDouble(text.substring(0, text.length() - 2));
  }

  public static Memory ofGigabytes(double gigabytes) {
    return new Memory(gigabytes);
  }

  public static Memory ofMib(long mib) {
    return new Memory(mib / 1024.0);
  }

  /** Rounded to the nearest mebibyte. */
  public long mib() {
    return Math.round(gigabytes * 1024);
  }

  @Override
  public int compareTo(Memory other) {
    return Double.compare(gigabytes, other.gigabytes);
  }

  @Override
  public String toString() {
    String number =
        gigabytes == Math.rint(gigabytes) && Math.abs(gigabytes) < 1e6
            ? Long.toString((long) gigabytes)
            : String.format(Locale.ROOT, "%.6g", gigabytes)
                .replaceFirst("(\\.\\d*?)0+$", "$1")
                .replaceFirst("\\.$", "");
    return number + "GB";
  }
}
