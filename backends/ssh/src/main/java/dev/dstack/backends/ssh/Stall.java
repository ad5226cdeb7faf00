package dev.dstack.backends.ssh;

import java.time.Duration;

/** Notices that something does not get on, and then does what lets it fail. */
final class Stall implements AutoCloseable {
  private static final long LOOK_EVERY_MILLIS = 200;

  private final Thread watch;
  private volatile long movedAt = System.nanoTime();

  private Stall(Duration limit, Runnable then) {
    watch = Thread.ofVirtual().name("ssh-stall").unstarted(() -> look(limit, then));
  }

  static Stall watch(Duration limit, Runnable then) {
    Stall stall = new Stall(limit, then);
    stall.watch.start();
    return stall;
  }

  void moved() {
    movedAt = System.nanoTime();
  }

  private void look(Duration limit, Runnable then) {
    try {
      while (System.nanoTime() - movedAt < limit.toNanos()) {
        Thread.sleep(LOOK_EVERY_MILLIS);
      }
      then.run();
    } catch (InterruptedException _) {
      // It has got to its end.
      return;
    }
  }

  @Override
  public void close() {
    watch.interrupt();
  }
}
