package dev.dstack.activities.worker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name under which a process works for Temporal. It says enough for another process on the same
 * machine to tell whether that one has ended.
 *
 * @param startTicks when the process started, in the kernel's clock: pids are used again
 * @param system the machine's boot and the namespace that the pid is of
 */
public record WorkerIdentity(long pid, long startTicks, String system) {
  private static final Pattern TEXT = Pattern.compile("dstack:(\\d+):(\\d+):([0-9a-z-]+)");
  private static final Path PROC = Path.of("/proc");

  /** This process; elsewhere than on Linux nobody can tell whether it has ended. */
  public static WorkerIdentity current() {
    long pid = ProcessHandle.current().pid();
    return new WorkerIdentity(pid, startTicks(pid), here());
  }

  static Optional<WorkerIdentity> parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    return matcher.matches()
        ? Optional.of(
            new WorkerIdentity(
                Long.parseLong(matcher.group(1)),
                Long.parseLong(matcher.group(2)),
                matcher.group(3)))
        : Optional.empty();
  }

  public String text() {
    return "dstack:" + pid + ":" + startTicks + ":" + system;
  }

  /** False if it may be alive, such as on another machine. */
  boolean hasEnded() {
    return startTicks > 0 && system.equals(here()) && startTicks(pid) != startTicks;
  }

  private static String here() {
    try {
      String boot = Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
      String namespace = Files.readSymbolicLink(PROC.resolve("self/ns/pid")).toString();
      return boot.substring(0, 8) + "-" + namespace.replaceAll("\\D", "");
    } catch (IOException | IndexOutOfBoundsException _) {
      return "unknown";
    }
  }

  /** 0: there is no such process. */
  private static long startTicks(long pid) {
    try {
      String stat =
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.ISO_8859_1);
      // The second field is a name in parentheses, which may contain anything.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", 21);
      return Long.parseLong(fields[19]);
    } catch (IOException | IndexOutOfBoundsException | NumberFormatException _) {
      return 0;
    }
  }
}
