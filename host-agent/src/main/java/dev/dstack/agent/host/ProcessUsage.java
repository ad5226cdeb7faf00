package dev.dstack.agent.host;

import dev.dstack.agent.host.Processes.Proc;
import dev.dstack.model.agent.TaskMetrics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/** What the processes of a task use that has no container around them. */
public final class ProcessUsage {
  private static final long MICROS_PER_TICK = 10_000;
  private static final int USER_TIME = 11;
  private static final int TIMES = 4;
  private static final long KIB = 1024;

  private final String mark;
  private long mostMicros;

  /**
   * @param mark value of {@link Processes#MARK} in the task's processes
   */
  public ProcessUsage(String mark) {
    this.mark = mark;
  }

  /**
   * @param leader first process of the task's session
   */
  public synchronized TaskMetrics measure(Proc leader, Instant now) {
    long ticks = 0;
    long resident = 0;
    long own = 0;
    for (Processes.Seen seen : Processes.all()) {
      Proc proc = seen.proc();
      if (proc.start() >= leader.start()
          && (proc.session() == leader.pid() || seen.mark().equals(mark))) {
        ticks += ticks(proc.pid());
        long[] memory = memory(proc.pid());
        resident += memory[0];
        own += memory[1];
      }
    }
    // What ended without being waited for is missing from the sum; time never runs backwards.
    mostMicros = Math.max(mostMicros, ticks * MICROS_PER_TICK);
    return new TaskMetrics(
        now,
        mostMicros,
        resident,
        own,
        HostResources.processors(),
        HostResources.memoryBytes(),
        GpuUsage.of(java.util.List.of()));
  }

  /** Its own and those of its children that have ended. */
  private static long ticks(int pid) {
    try {
      String stat =
          Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ");
      long sum = 0;
      for (int i = USER_TIME; i < USER_TIME + TIMES; i++) {
        sum += Long.parseLong(fields[i]);
      }
      return sum;
    } catch (IOException | RuntimeException e) {
      // It has just ended.
      return 0;
    }
  }

  /** Resident bytes, and those of them that are no file's. */
  private static long[] memory(int pid) {
    long resident = 0;
    long files = 0;
    try {
      for (String line :
          Files.readString(Path.of("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1)
              .lines()
              .toList()) {
        if (line.startsWith("VmRSS:")) {
          resident = kilobytes(line);
        } else if (line.startsWith("RssFile:")) {
          files = kilobytes(line);
        }
      }
    } catch (IOException e) {
      return new long[] {0, 0};
    }
    return new long[] {resident * KIB, Math.max(0, resident - files) * KIB};
  }

  private static long kilobytes(String line) {
    String digits = line.replaceAll("[^0-9]", "");
    return digits.isEmpty() ? 0 : Long.parseLong(digits);
  }
}
