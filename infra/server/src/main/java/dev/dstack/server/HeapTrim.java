package dev.dstack.server;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Collects what a rush has left in the heap, once the rush is over: the serial collector clears the
 * old generation only when it is full, and gives memory back to the machine only then. It waits for
 * a calm moment because everything stands still meanwhile, for some tenths of a second.
 */
final class HeapTrim implements AutoCloseable {
  private static final String OLD_GENERATION = "Tenured Gen";
  private static final Duration LOOK = Duration.ofSeconds(10);
  private static final double CALM_CORES = 0.6;
  private static final long LEAST_BYTES = 32L * 1024 * 1024;

  private final MemoryPoolMXBean old;
  private final OperatingSystemMXBean system;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-heap-trim").factory());
  private long cpuNanos;

  private HeapTrim(MemoryPoolMXBean old, OperatingSystemMXBean system) {
    this.old = old;
    this.system = system;
    this.cpuNanos = system.getProcessCpuTime();
  }

  /** Does nothing with a collector that gives memory back by itself. */
  static AutoCloseable start() {
    Optional<MemoryPoolMXBean> old =
        ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(pool -> pool.getName().equals(OLD_GENERATION))
            .findFirst();
    if (old.isEmpty()
        || !(ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean os)) {
      return () -> {};
    }
    HeapTrim trim = new HeapTrim(old.get(), os);
    trim.timer.scheduleWithFixedDelay(
        trim::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    return trim;
  }

  private void look() {
    long now = system.getProcessCpuTime();
    double cores = (double) (now - cpuNanos) / LOOK.toNanos();
    cpuNanos = now;
    MemoryUsage live = old.getCollectionUsage();
    if (live != null && worthwhile(old.getUsage().getUsed(), live.getUsed(), cores)) {
      System.gc();
      cpuNanos = system.getProcessCpuTime();
    }
  }

  /**
   * @param used bytes of the old generation
   * @param live of them at the end of its last collection
   * @param cores that this process has been using
   */
  static boolean worthwhile(long used, long live, double cores) {
    return cores < CALM_CORES && used - live > Math.max(LEAST_BYTES, live / 3);
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
