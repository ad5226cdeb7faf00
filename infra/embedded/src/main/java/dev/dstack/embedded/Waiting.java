package dev.dstack.embedded;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waiting for a state of another process, of which nothing tells us: it is looked at. */
final class Waiting {
  private Waiting() {}

  /** True as soon as the condition holds, false after the timeout or when interrupted. */
  static boolean until(Duration timeout, Duration interval, BooleanSupplier condition) {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline >= 0 || !sleep(interval)) {
        return condition.getAsBoolean();
      }
    }
    return true;
  }

  /** False if interrupted; the interrupt stays set. */
  static boolean sleep(Duration duration) {
    try {
      Thread.sleep(duration);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
