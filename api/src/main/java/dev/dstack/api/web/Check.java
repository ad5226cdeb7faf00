package dev.dstack.api.web;

import dev.dstack.api.error.ApiException;
import dev.dstack.db.records.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Checks of single fields whose type alone doesn't tell, answered in the form of the body reader.
 */
public final class Check {
  private Check() {}

  public static int within(String field, int value, int min, int max) {
    if (value < min) {
      throw problem(
          "greater_than_equal", field, "Input should be greater than or equal to " + min, value);
    }
    if (value > max) {
      throw problem(
          "less_than_equal", field, "Input should be less than or equal to " + max, value);
    }
    return value;
  }

  public static @Nullable Integer withinOrNull(
      String field, @Nullable Integer value, int min, int max) {
    return value == null ? null : Integer.valueOf(within(field, value, min, max));
  }

  public static Page page(
      @Nullable Instant prevAt, @Nullable UUID prevId, int limit, int max, boolean ascending) {
    return new Page(prevAt, prevId, within("limit", limit, 0, max), ascending);
  }

  /** Absent, or of 1 to {@code max} items. */
  public static void size(String field, @Nullable List<?> list, int max) {
    if (list != null && list.isEmpty()) {
      throw problem("too_short", field, "List should have at least 1 item", list);
    }
    if (list != null && list.size() > max) {
      throw problem("too_long", field, "List should have at most " + max + " items", null);
    }
  }

  /** At most so many names in one request. */
  public static void atMost(String field, List<?> list, int max) {
    if (list.size() > max) {
      throw problem("too_long", field, "List should have at most " + max + " items", null);
    }
  }

  public static ApiException problem(
      String type, String field, String message, @Nullable Object input) {
    Map<String, Object> item = new LinkedHashMap<>();
    item.put("type", type);
    item.put(
        "loc", new ArrayList<Object>(field.isEmpty() ? List.of("body") : List.of("body", field)));
    item.put("msg", message);
    item.put("input", input);
    return ApiException.unprocessable(List.of(item));
  }
}
