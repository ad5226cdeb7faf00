package dev.dstack.cli.data;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A place in a tree of maps, lists, strings, numbers, booleans and nulls. What is missing reads as
 * null, so that answers of older and newer servers can be shown.
 */
public final class Doc {
  public static final Doc NULL = new Doc(null);

  private final @Nullable Object value;

  private Doc(@Nullable Object value) {
    this.value = value;
  }

  public static Doc of(@Nullable Object value) {
    return value == null ? NULL : new Doc(value);
  }

  public @Nullable Object value() {
    return value;
  }

  public boolean isNull() {
    return value == null;
  }

  public boolean isObject() {
    return value instanceof Map;
  }

  public boolean isList() {
    return value instanceof List;
  }

  public Doc get(String name) {
    return value instanceof Map<?, ?> map ? of(map.get(name)) : NULL;
  }

  public Doc at(String first, String second, String... more) {
    Doc place = get(first).get(second);
    for (String name : more) {
      place = place.get(name);
    }
    return place;
  }

  /** The items of a list; none where there is no list. */
  public List<Doc> items() {
    if (!(value instanceof List<?> list)) {
      return List.of();
    }
    List<Doc> items = new ArrayList<>(list.size());
    for (Object item : list) {
      items.add(of(item));
    }
    return items;
  }

  public Doc last() {
    return value instanceof List<?> list && !list.isEmpty() ? of(list.getLast()) : NULL;
  }

  public Doc first() {
    return value instanceof List<?> list && !list.isEmpty() ? of(list.getFirst()) : NULL;
  }

  public Map<String, Doc> fields() {
    if (!(value instanceof Map<?, ?> map)) {
      return Map.of();
    }
    Map<String, Doc> fields = new LinkedHashMap<>();
    map.forEach((name, field) -> fields.put(String.valueOf(name), of(field)));
    return fields;
  }

  /** A scalar as text; null for null, objects and lists. */
  public @Nullable String text() {
    return switch (value) {
      case null -> null;
      case String text -> text;
      case BigDecimal number -> number.toPlainString();
      case Number number -> number.toString();
      case Boolean flag -> flag.toString();
      default -> null;
    };
  }

  public String text(String otherwise) {
    return Objects.requireNonNullElse(text(), otherwise);
  }

  public boolean is(String text) {
    return text.equals(value);
  }

  public boolean truth() {
    return Boolean.TRUE.equals(value);
  }

  public @Nullable Double number() {
    return value instanceof Number number ? (Double) number.doubleValue() : null;
  }

  public double number(double otherwise) {
    return value instanceof Number number ? number.doubleValue() : otherwise;
  }

  public long integer(long otherwise) {
    return value instanceof Number number ? number.longValue() : otherwise;
  }

  public @Nullable Instant instant() {
    if (!(value instanceof String text)) {
      return null;
    }
    try {
      return text.endsWith("Z") ? Instant.parse(text) : OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeException notAnInstant) {
      return null;
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Doc doc && sameValue(value, doc.value);
  }

  @Override
  public int hashCode() {
    return value instanceof Number number
        ? Double.hashCode(number.doubleValue())
        : Objects.hashCode(value);
  }

  @Override
  public String toString() {
    return value == null ? "null" : JsonText.write(value);
  }

  /** Numbers are the same when their values are: 1 and 1.0 mean the same to the server. */
  private static boolean sameValue(@Nullable Object a, @Nullable Object b) {
    return switch (a) {
      case Number x when b instanceof Number y ->
          Double.compare(x.doubleValue(), y.doubleValue()) == 0;
      case Map<?, ?> x when b instanceof Map<?, ?> y ->
          x.keySet().equals(y.keySet())
              && x.keySet().stream().allMatch(key -> sameValue(x.get(key), y.get(key)));
      case List<?> x when b instanceof List<?> y -> {
        boolean same = x.size() == y.size();
        for (int i = 0; same && i < x.size(); i++) {
          same = sameValue(x.get(i), y.get(i));
        }
        yield same;
      }
      case null, default -> Objects.equals(a, b);
    };
  }
}
