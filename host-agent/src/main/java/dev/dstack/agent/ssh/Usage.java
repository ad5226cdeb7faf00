package dev.dstack.agent.ssh;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Since when nobody has been logged in. Whoever looks in for a few seconds only, such as a tool
 * that asks whether the task is there, does not use it.
 */
public final class Usage {
  static final Duration COUNTS_AFTER = Duration.ofSeconds(10);

  private final InstantSource clock;
  private final Consumer<Now> listener;
  private final Map<Object, Instant> since = new HashMap<>();
  private Instant lastUsed;

  /**
   * @param connections logged in now
   * @param unusedSince absent: it is used now
   */
  public record Now(int connections, @Nullable Instant unusedSince) {}

  /**
   * @param lastUsed what was known before, such as before the agent was started again
   * @param listener hears of each change, one after the other
   */
  public Usage(InstantSource clock, @Nullable Instant lastUsed, Consumer<Now> listener) {
    this.clock = clock;
    this.listener = listener;
    this.lastUsed = Objects.requireNonNullElseGet(lastUsed, clock::instant);
  }

  synchronized void came(Object who) {
    since.putIfAbsent(who, clock.instant());
    listener.accept(now());
  }

  /** Somebody has been here long enough to count. */
  synchronized void stayed() {
    listener.accept(now());
  }

  synchronized void went(Object who) {
    Instant came = since.remove(who);
    Instant now = clock.instant();
    if (came != null && !came.plus(COUNTS_AFTER).isAfter(now)) {
      lastUsed = now;
    }
    listener.accept(now());
  }

  public synchronized Now now() {
    Instant now = clock.instant();
    boolean used = since.values().stream().anyMatch(came -> !came.plus(COUNTS_AFTER).isAfter(now));
    if (used) {
      lastUsed = now;
    }
    return new Now(since.size(), used ? null : lastUsed);
  }
}
