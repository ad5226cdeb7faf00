package dev.dstack.api.auth;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** Keeps found values for a short while; what was not found is asked for again each time. */
public final class Remembered<K, V> {
  private record Entry<V>(V value, long until) {}

  private final Map<K, Entry<V>> entries = new ConcurrentHashMap<>();
  private final long nanos;
  private final int limit;
  private final LongSupplier nanoTime;

  /**
   * @param nanoTime a monotonic clock, as {@link System#nanoTime}
   */
  public Remembered(Duration duration, int limit, LongSupplier nanoTime) {
    this.nanos = duration.toNanos();
    this.limit = limit;
    this.nanoTime = nanoTime;
  }

  public Optional<V> get(K key, Supplier<Optional<V>> find) {
    long now = nanoTime.getAsLong();
    Entry<V> entry = entries.get(key);
    if (entry != null && entry.until() - now > 0) {
      return Optional.of(entry.value());
    }
    Optional<V> found = find.get();
    if (found.isEmpty()) {
      entries.remove(key);
    } else {
      if (entries.size() >= limit) {
        entries.clear();
      }
      entries.put(key, new Entry<>(found.get(), now + nanos));
    }
    return found;
  }

  public void clear() {
    entries.clear();
  }
}
