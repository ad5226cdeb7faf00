package dev.dstack.db.log;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which part of a log.
 *
 * @param after only frames later than this
 * @param before only frames earlier than this; backwards also those of this very moment
 * @param descending the latest first
 * @param position the {@code next} of the page before; absent, or not one that this store gave:
 *     from the beginning, or from the end when descending
 */
public record LogQuery(
    @Nullable Instant after,
    @Nullable Instant before,
    boolean descending,
    @Nullable String position,
    int limit) {
  public LogQuery {
    if (limit < 1) {
      throw new IllegalArgumentException("a page has at least one frame");
    }
  }
}
