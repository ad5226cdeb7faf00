package dev.dstack.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What Linux says of processes. A process is named by pid and start time, as pids are reused. */
final class ProcFs {
  /** A process that cannot be confused with a later one of the same pid. */
  record ProcessKey(long pid, long startTicks) {
    boolean isAlive() {
      OptionalLong now = ProcFs.startTicks(pid);
      return now.isPresent() && now.getAsLong() == startTicks;
    }
  }

  enum Signal {
    INT,
    QUIT,
    TERM,
    KILL
  }

  private ProcFs() {}

  /** Clock ticks from boot to the start of the process; empty if it is gone or a zombie. */
  static OptionalLong startTicks(long pid) {
    String stat;
    try {
      // The name of the program may hold any byte, so nothing is said about the character set.
      stat =
          new String(
              Files.readAllBytes(Path.of("/proc/" + pid + "/stat")), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return OptionalLong.empty();
    }
    // The program's name stands in parentheses and may hold spaces: fields count from behind it.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    if (fields[0].equals("Z") || fields[0].equals("X")) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(Long.parseLong(fields[19]));
  }

  static Optional<ProcessKey> key(long pid) {
    OptionalLong ticks = startTicks(pid);
    return ticks.isPresent()
        ? Optional.of(new ProcessKey(pid, ticks.getAsLong()))
        : Optional.empty();
  }

  /** Differs after each boot, when pids and start times begin anew. */
  static String bootId() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  static boolean isRoot() {
    try {
      return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    } catch (IOException e) {
      return false;
    }
  }

  static @Nullable Path workingDirectory(long pid) {
    return link("/proc/" + pid + "/cwd");
  }

  static @Nullable Path executable(long pid) {
    return link("/proc/" + pid + "/exe");
  }

  private static @Nullable Path link(String link) {
    try {
      return Files.readSymbolicLink(Path.of(link));
    } catch (IOException e) {
      return null;
    }
  }

  /** All processes that stand in this directory, as every process of a PostgreSQL does in its. */
  static List<ProcessKey> standingIn(Path directory) {
    Path real;
    try {
      real = directory.toRealPath();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new EmbeddedException("Cannot read " + directory + ": " + e.getMessage(), e);
    }
    List<ProcessKey> found = new ArrayList<>();
    try (Stream<Path> entries = Files.list(Path.of("/proc"))) {
      entries.forEach(
          entry -> {
            String name = entry.getFileName().toString();
            if (!name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
              long pid = Long.parseLong(name);
              if (real.equals(workingDirectory(pid))) {
                key(pid).ifPresent(found::add);
              }
            }
          });
    } catch (IOException e) {
      throw new EmbeddedException("Cannot list /proc: " + e.getMessage(), e);
    }
    return found;
  }

  /** Sends the signal if the process still is the one meant. */
  static void signal(ProcessKey process, Signal signal) {
    if (!process.isAlive()) {
      return;
    }
    try {
      // The shell's own kill: the program of that name is missing from small images.
      Process kill =
          new ProcessBuilder("/bin/sh", "-c", "kill -" + signal + " " + process.pid())
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!kill.waitFor(10, TimeUnit.SECONDS)) {
        kill.destroyForcibly();
      }
    } catch (IOException e) {
      throw new EmbeddedException(
          "Cannot signal process " + process.pid() + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
