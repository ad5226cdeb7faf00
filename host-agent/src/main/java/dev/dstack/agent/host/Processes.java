package dev.dstack.agent.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The kernel's process table, by /proc. */
public final class Processes {
  private static final Path PROC = Path.of("/proc");

  private Processes() {}

  /**
   * One process. Its number alone is not its identity, numbers are used again; number, start and
   * boot are.
   *
   * @param start clock ticks since the boot
   */
  public record Proc(int pid, char state, int group, int session, long start) {
    /** Dead already, only its parent has not noticed. */
    public boolean isZombie() {
      return state == 'Z' || state == 'X';
    }
  }

  /** Changes when the host is rebooted. */
  public static String bootId() {
    try {
      return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  public static Optional<Proc> find(int pid) {
    try {
      return parse(Files.readString(PROC.resolve(pid + "/stat"), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The same process as then, and not dead. */
  public static boolean isAlive(Proc known) {
    Optional<Proc> now = find(known.pid());
    return now.isPresent() && now.get().start() == known.start() && !now.get().isZombie();
  }

  /** A line of /proc/PID/stat; the name in parentheses may hold anything. */
  public static Optional<Proc> parse(String stat) {
    int open = stat.indexOf('(');
    int close = stat.lastIndexOf(')');
    if (open < 1 || close < open) {
      return Optional.empty();
    }
    String[] rest = stat.substring(close + 1).strip().split(" ");
    if (rest.length < 20) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Proc(
              Integer.parseInt(stat.substring(0, open).strip()),
              rest[0].charAt(0),
              Integer.parseInt(rest[2]),
              Integer.parseInt(rest[3]),
              Long.parseLong(rest[19])));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  public static List<Proc> all() {
    List<Proc> found = new ArrayList<>();
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path directory : directories) {
        find(Integer.parseInt(directory.getFileName().toString())).ifPresent(found::add);
      }
    } catch (IOException | DirectoryIteratorException | NumberFormatException e) {
      // What could be read so far is what there is to know.
      return found;
    }
    return found;
  }

  /** Whether the process was started with this {@code NAME=VALUE}; false where it can't be read. */
  public static boolean startedWith(int pid, String variable) {
    try (InputStream in = Files.newInputStream(PROC.resolve(pid + "/environ"))) {
      String environment = new String(in.readNBytes(4 << 20), StandardCharsets.ISO_8859_1);
      return environment.startsWith(variable + "\0")
          || environment.contains("\0" + variable + "\0");
    } catch (IOException e) {
      return false;
    }
  }

  /** Sends a signal to processes, or to groups by their negative number; a gone one is no error. */
  public static void signal(String name, List<Integer> targets)
      throws IOException, InterruptedException {
    if (targets.isEmpty()) {
      return;
    }
    List<String> command =
        new ArrayList<>(List.of("/bin/sh", "-c", "kill -s \"$0\" -- \"$@\"", name));
    targets.forEach(target -> command.add(Integer.toString(target)));
    Process kill =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    kill.getOutputStream().close();
    if (!kill.waitFor(10, TimeUnit.SECONDS)) {
      kill.destroyForcibly();
    }
  }
}
