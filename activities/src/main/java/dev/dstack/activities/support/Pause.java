package dev.dstack.activities.support;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** A wait between two attempts. */
public final class Pause {
  private Pause() {}

  public static void of(Duration duration) throws InterruptedException {
    long end = System.nanoTime() + duration.toNanos();
    for (long left = duration.toNanos(); left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }
}
