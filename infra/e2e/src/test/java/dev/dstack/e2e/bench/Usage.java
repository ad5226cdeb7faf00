package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Processes;
import java.time.Duration;
import java.util.ArrayList;
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
   * @param roots a group's first process; those below it count as its own, unless they are of
   *     another group: PostgreSQL and Temporal are the server's children
   */
  Usage(Map<String, Long> roots) {
    this.roots = roots;
    roots.forEach((name, pid) -> before.put(name, ticks(roots, pid)));
  }

  /** Seconds of processor time since the start, by group. */
  Map<String, Double> cpuSeconds() {
    Map<String, Double> used = new LinkedHashMap<>();
    roots.forEach((name, pid) -> used.put(name, (ticks(roots, pid) - before.get(name)) / 100.0));
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
          for (long each : group(roots, pid)) {
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

  /** What a child has used is its own while it lives, and its parent's once it was waited for. */
  private static long ticks(Map<String, Long> roots, long root) {
    long sum = 0;
    for (long pid : group(roots, root)) {
      sum += Processes.cpuTicks(pid) + Processes.endedChildrenTicks(pid);
    }
    return sum;
  }

  private static List<Long> group(Map<String, Long> roots, long root) {
    List<Long> group = new ArrayList<>(Processes.tree(root));
    for (long other : roots.values()) {
      if (other != root && group.contains(other)) {
        group.removeAll(Processes.tree(other));
      }
    }
    return group;
  }
}
