package dev.dstack.backends.aws;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Answers that stay true for a while; failures are not kept. */
final class Cached<K, V> {
  private final InstantSource clock;
  private final Duration keep;
  private final Function<K, V> source;
  private final Map<K, Kept<V>> kept = new ConcurrentHashMap<>();

  private record Kept<V>(V value, Instant until) {}

  Cached(InstantSource clock, Duration keep, Function<K, V> source) {
    this.clock = clock;
    this.keep = keep;
    this.source = source;
  }

  V get(K key) {
    Instant now = clock.instant();
    Kept<V> known = kept.get(key);
    if (known != null && now.isBefore(known.until())) {
      return known.value();
    }
    V value = source.apply(key);
    kept.put(key, new Kept<>(value, now.plus(keep)));
    return value;
  }

  /** What is wrong is asked for again. */
  void drop(K key) {
    kept.remove(key);
  }
}
