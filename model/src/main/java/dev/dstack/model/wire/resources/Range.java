package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Inclusive bounds, written {@code 2}, {@code 2..8}, {@code 2..} or {@code ..8}; at least one of
 * them is set.
 */
public record Range<T extends Comparable<T>>(@Nullable T min, @Nullable T max) {
  public Range {
    if (min == null && max == null) {
      throw new IllegalArgumentException("a range needs a minimum or a maximum");
    }
    if (min != null && max != null && min.compareTo(max) > 0) {
      throw new IllegalArgumentException(
          "the minimum of a range is above its maximum: " + min + ".." + max);
    }
  }

  public static <T extends Comparable<T>> Range<T> atLeast(T min) {
    return new Range<>(min, null);
  }

  public static <T extends Comparable<T>> Range<T> exactly(T value) {
    return new Range<>(value, value);
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text == null) {
      return node;
    }
    String compact = text.replace(" ", "");
    if (!node.isString() || !compact.contains("..")) {
      return Trees.with(Trees.object("min", node), "max", node);
    }
    String[] bounds = compact.split("\\.\\.", -1);
    if (bounds.length != 2) {
      throw new IllegalArgumentException("a range has two bounds: " + text);
    }
    return Trees.with(Trees.object("min", bound(bounds[0])), "max", bound(bounds[1]));
  }

  private static @Nullable JsonNode bound(String text) {
    return text.isEmpty() ? null : Trees.text(text);
  }

  public boolean contains(T value) {
    return (min == null || min.compareTo(value) <= 0) && (max == null || max.compareTo(value) >= 0);
  }

  /** What both allow; null when nothing. */
  public @Nullable Range<T> intersect(Range<T> other) {
    T from = min == null || (other.min != null && other.min.compareTo(min) > 0) ? other.min : min;
    T to = max == null || (other.max != null && other.max.compareTo(max) < 0) ? other.max : max;
    if (from != null && to != null && from.compareTo(to) > 0) {
      return null;
    }
    // Two half-open ranges may leave no bound at all only if both had none, which cannot be.
    return new Range<>(from, to);
  }

  @Override
  public String toString() {
    if (min != null && min.equals(max)) {
      return min.toString();
    }
    return (min == null ? "" : min) + ".." + (max == null ? "" : max);
  }
}
