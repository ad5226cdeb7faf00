package dev.dstack.agent.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** The kernel's process table, by /proc. */
public final class Processes {
  /** In every process of a task, to find those that left its session. */
  public static final String MARK = "DSTACK_AGENT_TASK";

  private static final Path PROC = Path.of("/proc");
  private static final ReentrantLock LOOKING = new ReentrantLock();
  private static List<Seen> lastLook = List.of();
  private static boolean looked;
  private static long lookedAt;

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

  /**
   * One line of the table.
   *
   * @param mark value that the variable {@link #MARK} had when the process was started; empty: none
   * @param sure need not be read again: one that was just becoming another program shows nothing
   */
  public record Seen(Proc proc, String mark, boolean sure) {}

  /**
   * Every process as it was not before this call. Callers that come together share one look, since
   * many tasks tend to end at once and a look costs some milliseconds.
   */
  public static List<Seen> all() {
    long asked = System.nanoTime();
    LOOKING.lock();
    try {
      if (looked && lookedAt - asked >= 0) {
        return lastLook;
      }
      lookedAt = System.nanoTime();
      looked = true;
      lastLook = look(lastLook);
      return lastLook;
    } finally {
      LOOKING.unlock();
    }
  }

  private static List<Seen> look(List<Seen> before) {
    Map<Proc, Seen> known = new HashMap<>();
    before.forEach(seen -> known.put(identity(seen.proc()), seen));
    List<Seen> found = new ArrayList<>();
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path directory : directories) {
        Optional<Proc> proc = find(Integer.parseInt(directory.getFileName().toString()));
        proc.filter(one -> !one.isZombie())
            .ifPresent(
                one -> {
                  Seen earlier = known.get(identity(one));
                  String mark =
                      earlier != null && earlier.sure() ? earlier.mark() : mark(one.pid());
                  found.add(new Seen(one, mark, !mark.isEmpty() || earlier != null));
                });
      }
    } catch (IOException | DirectoryIteratorException | NumberFormatException e) {
      // What could be read so far is what there is to know.
      return found;
    }
    return found;
  }

  private static Proc identity(Proc proc) {
    return new Proc(proc.pid(), ' ', 0, proc.session(), proc.start());
  }

  private static String mark(int pid) {
    try (InputStream in = Files.newInputStream(PROC.resolve(pid + "/environ"))) {
      String environment = "\0" + new String(in.readNBytes(4 << 20), StandardCharsets.ISO_8859_1);
      int at = environment.indexOf("\0" + MARK + "=");
      if (at < 0) {
        return "";
      }
      int from = at + MARK.length() + 2;
      int to = environment.indexOf('\0', from);
      return environment.substring(from, to < 0 ? environment.length() : to);
    } catch (IOException e) {
      // Somebody else's process, or one that has just ended.
      return "";
    }
  }

  /** Ends processes at once; one that is gone or has become another is no error. */
  public static void kill(List<Proc> targets) {
    for (Proc target : targets) {
      if (isAlive(target)) {
        ProcessHandle.of(target.pid()).ifPresent(ProcessHandle::destroyForcibly);
      }
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
