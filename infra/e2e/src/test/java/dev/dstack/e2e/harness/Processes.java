package dev.dstack.e2e.harness;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Processes by number, from /proc. Nothing here ends a process that was not given by its pid. */
public final class Processes {
  private Processes() {}

  public static boolean alive(long pid) {
    return pid > 0 && state(pid) != 'Z' && state(pid) != 'X';
  }

  public static void kill9(long pid) {
    if (pid <= 1) {
      throw new IllegalArgumentException("Not a process to kill: " + pid);
    }
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** Living processes whose environment says {@code name=value}: all that a job has left. */
  public static List<Long> withEnvironment(String name, String value) {
    String wanted = name + "=" + value;
    List<Long> found = new ArrayList<>();
    for (long pid : all()) {
      try {
        String text =
            Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        if (List.of(text.split("\0")).contains(wanted) && alive(pid)) {
          found.add(pid);
        }
      } catch (IOException e) {
        // It ended meanwhile, or is another user's.
      }
    }
    return found;
  }

  /** Living processes whose command line or working directory mentions the path. */
  public static List<Long> mentioning(Path path) {
    String wanted = path.toString();
    List<Long> found = new ArrayList<>();
    for (long pid : all()) {
      if (pid == ProcessHandle.current().pid()) {
        continue;
      }
      try {
        String line =
            Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        String cwd = Files.readSymbolicLink(Path.of("/proc/" + pid + "/cwd")).toString();
        if ((line.contains(wanted) || cwd.startsWith(wanted)) && alive(pid)) {
          found.add(pid);
        }
      } catch (IOException e) {
        // As above.
      }
    }
    return found;
  }

  public static String describe(long pid) {
    try {
      return pid
          + " "
          + Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1)
              .replace('\0', ' ')
              .strip();
    } catch (IOException e) {
      return pid + " (gone)";
    }
  }

  /** User and system time of a process so far, in clock ticks (1/100 s); 0 when it is gone. */
  public static long cpuTicks(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Time of the children that have ended and were waited for, in clock ticks. */
  public static long endedChildrenTicks(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return Long.parseLong(fields[13]) + Long.parseLong(fields[14]);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Resident memory that is the process's own, in kilobytes. */
  public static long residentKb(long pid) {
    try {
      long total = 0;
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("RssAnon:")) {
          total += Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
      return total;
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * @param residentKb with the pages of files that it has mapped
   * @param proportionalKb of what is shared only this process's part
   * @param anonymousKb what is of no file
   */
  public record Memory(long residentKb, long proportionalKb, long anonymousKb) {}

  /** Zeros when the process is gone. */
  public static Memory memory(long pid) {
    long resident = 0;
    long proportional = 0;
    long anonymous = 0;
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
        long value =
            line.endsWith(" kB") ? Long.parseLong(line.replaceAll(".*: *|[^0-9]+$", "")) : 0;
        if (line.startsWith("Rss:")) {
          resident = value;
        } else if (line.startsWith("Pss:")) {
          proportional = value;
        } else if (line.startsWith("Anonymous:")) {
          anonymous = value;
        }
      }
    } catch (IOException e) {
      return new Memory(0, 0, 0);
    }
    return new Memory(resident, proportional, anonymous);
  }

  /** The process and all below it. */
  public static List<Long> tree(long pid) {
    List<Long> all = new ArrayList<>();
    ProcessHandle.of(pid)
        .ifPresent(
            root -> {
              all.add(root.pid());
              root.descendants().forEach(child -> all.add(child.pid()));
            });
    return all;
  }

  private static List<Long> all() {
    try (Stream<Path> entries = Files.list(Path.of("/proc"))) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.matches("[0-9]+"))
          .map(Long::parseLong)
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static char state(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch (IOException e) {
      return 'X';
    }
  }
}
