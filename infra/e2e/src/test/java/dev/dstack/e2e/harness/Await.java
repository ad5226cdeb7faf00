package dev.dstack.e2e.harness;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waiting for a state, with a deadline and with words for what was seen when it passed. */
public final class Await {
  private static final Duration STEP = Duration.ofMillis(50);

  private Await() {}

  public static void until(String what, Duration limit, Callable<Boolean> condition) {
    until(what, limit, condition, () -> "");
  }

  public static void until(
      String what, Duration limit, Callable<Boolean> condition, Supplier<String> otherwise) {
    value(what, limit, () -> condition.call() ? Optional.of(true) : Optional.empty(), otherwise);
  }

  /** The first value there is; whatever the supplier throws counts as "not yet". */
  public static <T> T value(
      String what, Duration limit, Callable<Optional<T>> supplier, Supplier<String> otherwise) {
    long deadline = System.nanoTime() + limit.toNanos();
    Throwable last = null;
    while (true) {
      try {
        Optional<T> value = supplier.call();
        if (value.isPresent()) {
          return value.get();
        }
        last = null;
      } catch (Exception | AssertionError e) {
        last = e;
      }
      if (System.nanoTime() > deadline) {
        AssertionError error =
            new AssertionError(
                "Not within " + limit.toSeconds() + " s: " + what + ". " + otherwise.get());
        if (last != null) {
          error.initCause(last);
        }
        throw error;
      }
      LockSupport.parkNanos(STEP.toNanos());
    }
  }
}
