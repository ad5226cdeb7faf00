package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Processes;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/** Processor time and memory of named groups of processes. */
final class Usage {
  private final Map<String, Long> roots;
  private final Map<String, Long> before = new LinkedHashMap<>();
  private final long begun = System.nanoTime();

  /**
   * @param roots a group's first process; those below it count as its own
   */
  Usage(Map<String, Long> roots) {
    this.roots = roots;
    roots.forEach((name, pid) -> before.put(name, ticks(pid)));
  }

  /** Seconds of processor time since the start, by group. */
  Map<String, Double> cpuSeconds() {
    Map<String, Double> used = new LinkedHashMap<>();
    roots.forEach((name, pid) -> used.put(name, (ticks(pid) - before.get(name)) / 100.0));
    return used;
  }

  double allCpuSeconds() {
    return cpuSeconds().values().stream().mapToDouble(Double::doubleValue).sum();
  }

  double elapsedSeconds() {
    return (System.nanoTime() - begun) / 1e9;
  }

  /** Percent of one core, by group. */
  Map<String, Double> percent() {
    double elapsed = elapsedSeconds();
    Map<String, Double> percent = new LinkedHashMap<>();
    cpuSeconds().forEach((name, seconds) -> percent.put(name, 100 * seconds / elapsed));
    return percent;
  }

  static Map<String, Long> memoryKb(Map<String, Long> roots) {
    Map<String, Long> memory = new LinkedHashMap<>();
    roots.forEach(
        (name, pid) -> {
          long sum = 0;
          for (long each : Processes.tree(pid)) {
            sum += Processes.residentKb(each);
          }
          memory.put(name, sum);
        });
    return memory;
  }

  /** Lets time pass: here it is what is measured. */
  static void over(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    while (System.nanoTime() < end) {
      LockSupport.parkNanos(end - System.nanoTime());
    }
  }

  private static long ticks(long root) {
    List<Long> tree = Processes.tree(root);
    long sum = 0;
    for (long pid : tree) {
      sum += Processes.cpuTicks(pid);
    }
    // Sessions of PostgreSQL that have ended.
    return sum + Processes.endedChildrenTicks(root);
  }
}
