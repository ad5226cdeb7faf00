package dev.dstack.agent.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a container uses, by the files of its control group, version 1 or 2. */
public final class Cgroup {
  private final Map<String, Path> directories;
  private final boolean unified;

  private Cgroup(Map<String, Path> directories, boolean unified) {
    this.directories = directories;
    this.unified = unified;
  }

  /**
   * @param cpuMicros processor time since its start
   * @param memoryLimitBytes 0: none
   * @param oomKills processes that the kernel ended because there was no memory left
   * @param refusedForks how often the limit of processes was met
   */
  public record Usage(
      long cpuMicros,
      long memoryBytes,
      long workingSetBytes,
      long memoryLimitBytes,
      long oomKills,
      long refusedForks) {}

  /** Empty: it can't be seen from here, or the process has ended. */
  public static Optional<Cgroup> of(long pid) {
    return of(Path.of("/proc"), pid);
  }

  static Optional<Cgroup> of(Path proc, long pid) {
    if (pid <= 0) {
      return Optional.empty();
    }
    try {
      Map<String, String> memberships = new HashMap<>();
      for (String line : lines(proc.resolve(pid + "/cgroup"))) {
        String[] parts = line.split(":", 3);
        if (parts.length == 3 && !parts[2].equals("/") && !parts[2].contains("..")) {
          for (String controller : parts[1].split(",", -1)) {
            memberships.put(controller, parts[2].substring(1));
          }
        }
      }
      Map<String, Path> mounts = mounts(lines(proc.resolve("self/mountinfo")));
      boolean unified = !memberships.containsKey("memory");
      Map<String, Path> directories = new HashMap<>();
      for (String controller : List.of("memory", "cpuacct", "pids")) {
        String key = unified ? "" : controller;
        Path mount = mounts.get(key);
        String membership = memberships.get(key);
        if (mount != null && membership != null) {
          directories.put(controller, mount.resolve(membership));
        }
      }
      return directories.containsKey("memory") && Files.isDirectory(directories.get("memory"))
          ? Optional.of(new Cgroup(directories, unified))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Controller → where it is mounted; the unified hierarchy under the empty name. */
  private static Map<String, Path> mounts(List<String> mountinfo) {
    Map<String, Path> mounts = new HashMap<>();
    for (String line : mountinfo) {
      int dash = line.indexOf(" - ");
      if (dash < 0) {
        continue;
      }
      String[] left = line.substring(0, dash).split(" ");
      String[] right = line.substring(dash + 3).split(" ");
      if (left.length < 5 || right.length < 3 || !left[3].equals("/")) {
        continue;
      }
      if (right[0].equals("cgroup2")) {
        mounts.putIfAbsent("", Path.of(left[4]));
      } else if (right[0].equals("cgroup")) {
        for (String option : right[2].split(",")) {
          mounts.putIfAbsent(option, Path.of(left[4]));
        }
      }
    }
    return mounts;
  }

  /** Empty: it is gone. */
  public Optional<Usage> read() {
    try {
      return Optional.of(unified ? unified() : separate());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private Usage unified() throws IOException {
    Path at = directory("memory");
    long used = number(at, "memory.current");
    return new Usage(
        field(at, "cpu.stat", "usage_usec"),
        used,
        Math.max(0, used - field(at, "memory.stat", "inactive_file")),
        limit(number(at, "memory.max")),
        field(at, "memory.events", "oom_kill"),
        field(at, "pids.events", "max"));
  }

  private Usage separate() throws IOException {
    Path memory = directory("memory");
    long used = number(memory, "memory.usage_in_bytes");
    Path cpu = directories.get("cpuacct");
    Path pids = directories.get("pids");
    return new Usage(
        cpu == null ? 0 : number(cpu, "cpuacct.usage") / 1_000,
        used,
        Math.max(0, used - field(memory, "memory.stat", "total_inactive_file")),
        limit(number(memory, "memory.limit_in_bytes")),
        field(memory, "memory.oom_control", "oom_kill"),
        pids == null ? 0 : field(pids, "pids.events", "max"));
  }

  private Path directory(String controller) throws IOException {
    Path directory = directories.get(controller);
    if (directory == null) {
      throw new IOException("no control group for " + controller);
    }
    return directory;
  }

  /** Version 1 writes "no limit" as the largest number of whole pages. */
  private static long limit(long value) {
    return value > 1L << 60 ? 0 : value;
  }

  private static long number(Path directory, String file) throws IOException {
    String text = Files.readString(directory.resolve(file), StandardCharsets.US_ASCII).strip();
    return text.equals("max") ? Long.MAX_VALUE : parse(text);
  }

  private static long field(Path directory, String file, String name) throws IOException {
    Path path = directory.resolve(file);
    if (!Files.exists(path)) {
      return 0;
    }
    for (String line : lines(path)) {
      if (line.startsWith(name + " ")) {
        return parse(line.substring(name.length() + 1).strip());
      }
    }
    return 0;
  }

  private static long parse(String text) throws IOException {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IOException("not a number: " + text, e);
    }
  }

  /** Files of the kernel have no size, and a size of 0 is what the usual way would believe. */
  private static List<String> lines(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }
}
