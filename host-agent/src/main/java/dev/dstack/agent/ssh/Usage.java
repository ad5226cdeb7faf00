package dev.dstack.agent.ssh;

import dev.dstack.agent.host.Uptime;
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
 * that asks whether the task is there, does not use it. How long somebody has been there is a span
 * of time: who sets the clock meanwhile neither ends it nor makes it longer.
 */
public final class Usage {
  static final Duration COUNTS_AFTER = Duration.ofSeconds(10);

  private final InstantSource clock;
  private final Consumer<Now> listener;

  /** Who is here → {@link Uptime} of when they came. */
  private final Map<Object, Long> since = new HashMap<>();

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
    since.putIfAbsent(who, Uptime.millis());
    listener.accept(now());
  }

  /** Somebody has been here long enough to count. */
  synchronized void stayed() {
    listener.accept(now());
  }

  synchronized void went(Object who) {
    Long came = since.remove(who);
    if (came != null && counts(came)) {
      lastUsed = clock.instant();
    }
    listener.accept(now());
  }

  public synchronized Now now() {
    boolean used = since.values().stream().anyMatch(Usage::counts);
    if (used) {
      lastUsed = clock.instant();
    }
    return new Now(since.size(), used ? null : lastUsed);
  }

  private static boolean counts(long came) {
    return Uptime.millis() - came >= COUNTS_AFTER.toMillis();
  }
}
