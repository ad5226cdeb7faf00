package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * Hands back the memory that starting, or somebody's login, has used. The program of the virtual
 * machine and its cache of classes are pages of files: out of this process's memory, they stay with
 * the host as long as it has room, once for all its runners, and come back when they are wanted.
 */
final class Footprint implements Runnable {
  private static final Duration AFTER_START = Duration.ofSeconds(5);
  private static final Duration LOOK = Duration.ofSeconds(3);

  private final IntSupplier connections;
  private final AgentLog log;

  /** A part of the process's memory that mirrors a file. */
  record Pages(long address, long length) {}

  Footprint(IntSupplier connections, AgentLog log) {
    this.connections = connections;
    this.log = log;
  }

  void start() {
    Thread.ofPlatform().daemon().name("footprint").start(this);
  }

  @Override
  public void run() {
    try {
      Thread.sleep(AFTER_START);
      // They are mapped where they are for as long as the process lives.
      List<Pages> files =
          unchanged(Files.readString(Path.of("/proc/self/maps"), StandardCharsets.ISO_8859_1));
      int looks = 0;
      boolean used = false;
      while (true) {
        if (connections.getAsInt() > 0) {
          used = true;
          looks = 0;
        } else if (used) {
          used = false;
          // The heap grew with what was sent; only a collection of all of it makes it shrink.
          System.gc();
        }
        // Once is not enough: what was busy is compiled and cleared away for a while, and each
        // touch of a page brings its neighbours along.
        if (Integer.bitCount(looks) <= 1) {
          files.forEach(pages -> Posix.dropPages(pages.address(), pages.length()));
        }
        looks++;
        Thread.sleep(LOOK);
      }
    } catch (InterruptedException e) {
      return;
    } catch (IOException | RuntimeException e) {
      log.warn("memory that is not needed any more is kept", e);
    }
  }

  /**
   * What of the known large files is never written to in memory. A page that was changed would be
   * lost: of the machine's program those with its tables of addresses, which the loader fills in.
   *
   * @param maps as {@code /proc/PID/maps}: {@code FROM-TO r-xp OFFSET DEVICE INODE PATH}
   */
  static List<Pages> unchanged(String maps) {
    List<Pages> found = new ArrayList<>();
    for (String line : maps.split("\n")) {
      String name = line.substring(line.lastIndexOf('/') + 1);
      String[] fields = line.split(" ", 4);
      boolean whole =
          switch (name) {
            case "libjvm.so" ->
                fields[1].equals("r-xp")
                    || (fields[1].equals("r--p") && Long.parseLong(fields[2], 16) == 0);
            case "runner.aot" -> fields[1].equals("r--p");
            // Java's own classes, and the C library.
            case "modules" -> fields[1].equals("r--s");
            case "libc.so.6" -> fields[1].equals("r-xp");
            default -> false;
          };
      if (whole) {
        int dash = fields[0].indexOf('-');
        long from = Long.parseLong(fields[0].substring(0, dash), 16);
        long to = Long.parseLong(fields[0].substring(dash + 1), 16);
        found.add(new Pages(from, to - from));
      }
    }
    return found;
  }
}
