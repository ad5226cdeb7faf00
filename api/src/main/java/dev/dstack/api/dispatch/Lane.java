package dev.dstack.api.dispatch;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries one kind of wish over, some at a time: at once when poked, and again from the table with
 * each tick. While it fails, one attempt with each tick, with growing pauses.
 */
final class Lane {
  private static final Logger LOG = LoggerFactory.getLogger(Lane.class);
  private static final Duration PAUSE_MIN = Duration.ofMillis(500);
  private static final Duration PAUSE_MAX = Duration.ofSeconds(10);
  private static final int LOGGED_EVERY = 20;

  private final String what;
  private final int threads;
  private final Runnable check;
  private final BooleanSupplier step;
  private final LongSupplier nanoTime;
  private final Semaphore pokes = new Semaphore(0);
  private final AtomicInteger failures = new AtomicInteger();
  private volatile long pausedUntil;
  private volatile boolean draining;
  private volatile boolean alone;
  private volatile boolean healthy;
  private volatile boolean closed;

  /**
   * @param check fails when nothing can be carried over; asked first after a failure, so that no
   *     wish is taken from a server that could carry it
   * @param step takes one wish and carries it over; false when there is none
   */
  Lane(String what, int threads, Runnable check, BooleanSupplier step, LongSupplier nanoTime) {
    this.what = what;
    this.threads = threads;
    this.check = check;
    this.step = step;
    this.nanoTime = nanoTime;
    this.pausedUntil = nanoTime.getAsLong();
  }

  void start() {
    for (int i = 0; i < threads; i++) {
      Thread.ofVirtual().name("dispatch-" + what + "-" + i).start(this::work);
    }
    tick();
  }

  /** One more wish has been stored. */
  void poke() {
    pokes.release();
  }

  /** Looks at the table again: after a crash or an outage nobody else knows of what is in it. */
  void tick() {
    if (isPaused()) {
      return;
    }
    draining = true;
    alone = true;
    pokes.release();
  }

  void close() {
    closed = true;
    pokes.release(threads);
  }

  private void work() {
    while (!closed) {
      pokes.acquireUninterruptibly();
      boolean found = true;
      while (found && !closed && !isPaused()) {
        found = once() && draining;
      }
    }
  }

  private boolean once() {
    try {
      if (!healthy) {
        check.run();
        worked();
      }
      boolean found = step.getAsBoolean();
      if (!found) {
        draining = false;
      } else if (draining && alone) {
        // There is more than nothing: the others may help.
        alone = false;
        pokes.release(threads - 1);
      }
      return found;
    } catch (NotYetException e) {
      LOG.debug("{}", e.getMessage());
      return true;
    } catch (RuntimeException e) {
      if (!closed) {
        failed(e);
      }
      return false;
    }
  }

  private void worked() {
    healthy = true;
    int failed = failures.getAndSet(0);
    if (failed > 0) {
      LOG.info("Dispatching of {} works again after {} failures", what, failed);
      tick();
    }
  }

  private void failed(RuntimeException e) {
    healthy = false;
    int count = failures.incrementAndGet();
    long pause = PAUSE_MIN.toMillis() << Math.min(count - 1, 5);
    pausedUntil =
        nanoTime.getAsLong() + Duration.ofMillis(Math.min(pause, PAUSE_MAX.toMillis())).toNanos();
    if (count == 1 || count % LOGGED_EVERY == 0) {
      LOG.warn(
          "Dispatching of {} has failed {} times; they wait in the database: {}",
          what,
          count,
          String.valueOf(root(e)));
    }
  }

  private static Throwable root(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  private boolean isPaused() {
    return pausedUntil - nanoTime.getAsLong() > 0;
  }

  /** This wish can't be carried over yet, and all is well otherwise. */
  static final class NotYetException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotYetException(String message) {
      super(message, null, false, false);
    }
  }
}
