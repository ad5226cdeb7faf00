package dev.dstack.model.json;

import java.util.Collection;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Rules of single fields, for compact constructors; an absent value passes. */
public final class Checks {
  private Checks() {}

  public static void within(String field, @Nullable Integer value, int min, int max) {
    if (value != null && (value < min || value > max)) {
      throw new InvalidFieldException(
          field, "it is a number from " + min + " to " + max + ", not " + value);
    }
  }

  public static void atLeast(String field, @Nullable Integer value, int min) {
    if (value != null && value < min) {
      throw new InvalidFieldException(field, "it is a number from " + min + ", not " + value);
    }
  }

  public static void length(String field, @Nullable String value, int min, int max) {
    if (value != null && (value.length() < min || value.length() > max)) {
      throw new InvalidFieldException(
          field, "it has from " + min + " to " + max + " characters, not " + value.length());
    }
  }

  public static void size(String field, @Nullable Collection<?> values, int min, int max) {
    if (values != null && (values.size() < min || values.size() > max)) {
      throw new InvalidFieldException(
          field, "it has from " + min + " to " + max + " items, not " + values.size());
    }
  }

  public static void matches(String field, @Nullable String value, Pattern pattern) {
    if (value != null && !pattern.matcher(value).matches()) {
      throw new InvalidFieldException(field, "it must match " + pattern + ": '" + value + "'");
    }
  }

  public static void holds(boolean rule, String field, String message) {
    if (!rule) {
      throw new InvalidFieldException(field, message);
    }
  }
}
