package dev.dstack.backends.scripted;

import dev.dstack.model.ids.JobId;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Wakes those who wait for a task of this process; striped, so a waiter costs nothing but itself.
 */
final class Waiters {
  private static final int STRIPES = 256;

  private final Stripe[] stripes = new Stripe[STRIPES];

  private static final class Stripe {
    final ReentrantLock lock = new ReentrantLock();
    final Condition changed = lock.newCondition();
    long changes;
  }

  Waiters() {
    for (int i = 0; i < STRIPES; i++) {
      stripes[i] = new Stripe();
    }
  }

  private Stripe of(JobId id) {
    return stripes[Math.floorMod(id.hashCode(), STRIPES)];
  }

  /** Taken before looking, so that a change right after the look is not missed. */
  long ticket(JobId id) {
    Stripe stripe = of(id);
    stripe.lock.lock();
    try {
      return stripe.changes;
    } finally {
      stripe.lock.unlock();
    }
  }

  void await(JobId id, long ticket, Duration atMost) throws InterruptedException {
    Stripe stripe = of(id);
    long left = atMost.toNanos();
    stripe.lock.lock();
    try {
      while (stripe.changes == ticket && left > 0) {
        left = stripe.changed.awaitNanos(left);
      }
    } finally {
      stripe.lock.unlock();
    }
  }

  void wake(JobId id) {
    Stripe stripe = of(id);
    stripe.lock.lock();
    try {
      stripe.changes++;
      stripe.changed.signalAll();
    } finally {
      stripe.lock.unlock();
    }
  }
}
