package dev.dstack.agent.ssh;

import dev.dstack.agent.host.TaskUser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Sessions beside a task that is a process of the host. Their environment is that of the task's own
 * process, read from the kernel: the start script is gone by then, and a copy in a file would hold
 * secrets.
 */
final class HostSessions implements SessionHost {
  /** The start script sets it as it hands over to the command: it shows that all of it is there. */
  private static final String LAST_SET = "DSTACK_WORKING_DIR";

  private static final int TRIES = 100;
  private static final long PAUSE_MILLIS = 20;
  private static final Set<String> OF_THE_PROCESS = Set.of("PWD", "OLDPWD", "SHLVL", "_");

  private final TaskUser user;
  private final Path directory;
  private final Supplier<OptionalInt> leader;
  private final BooleanSupplier running;
  private volatile @Nullable Map<String, String> environment;

  /**
   * @param leader the task's first process
   */
  HostSessions(
      TaskUser user, Path directory, Supplier<OptionalInt> leader, BooleanSupplier running) {
    this.user = user;
    this.directory = directory;
    this.leader = leader;
    this.running = running;
  }

  @Override
  public Map<String, String> environment() {
    Map<String, String> known = environment;
    if (known != null) {
      return known;
    }
    Map<String, String> read = new TreeMap<>();
    try {
      for (int i = 0; i < TRIES && !read.containsKey(LAST_SET); i++) {
        if (i > 0) {
          TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        }
        read = ofLeader();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (read.containsKey(LAST_SET)) {
      OF_THE_PROCESS.forEach(read::remove);
      environment = read;
    } else {
      // A program may write over its environment; people still want to get in.
      read.putIfAbsent("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    }
    return read;
  }

  private Map<String, String> ofLeader() {
    Map<String, String> found = new TreeMap<>();
    OptionalInt pid = leader.get();
    if (pid.isEmpty()) {
      return found;
    }
    try {
      byte[] bytes =
          Files.readAllBytes(Path.of("/proc", Integer.toString(pid.getAsInt()), "environ"));
      for (String variable : new String(bytes, StandardCharsets.UTF_8).split("\0")) {
        int equals = variable.indexOf('=');
        if (equals > 0) {
          found.put(variable.substring(0, equals), variable.substring(equals + 1));
        }
      }
    } catch (IOException e) {
      // The process has ended.
      return found;
    }
    return found;
  }

  @Override
  public Path directory() {
    return directory;
  }

  @Override
  public Path home() {
    return Path.of(user.home());
  }

  @Override
  public String username() {
    return user.name();
  }

  @Override
  public List<String> shells() {
    List<String> shells = new ArrayList<>();
    try {
      Files.readAllLines(Path.of("/etc/passwd")).stream()
          .map(line -> line.split(":"))
          .filter(fields -> fields.length == 7 && fields[0].equals(user.name()))
          .map(fields -> fields[6])
          .filter(shell -> !shell.endsWith("nologin") && !shell.endsWith("false"))
          .forEach(shells::add);
    } catch (IOException e) {
      // The ones that every host has must do.
      shells.clear();
    }
    shells.add("/bin/bash");
    shells.add("/bin/sh");
    return shells;
  }

  @Override
  public List<String> launcher() {
    if (!user.other()) {
      return List.of();
    }
    String program =
        List.of("/usr/bin/setpriv", "/bin/setpriv").stream()
            .filter(path -> Files.isExecutable(Path.of(path)))
            .findFirst()
            .orElse("/usr/bin/setpriv");
    return List.of(
        program,
        "--reuid=" + user.uid(),
        "--regid=" + user.gid(),
        user.known() ? "--init-groups" : "--clear-groups",
        "--inh-caps=-all");
  }

  @Override
  public int terminalOwner() {
    return user.other() ? user.uid() : -1;
  }

  @Override
  public List<String> sftpCommand() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx32m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        System.getProperty("java.class.path"),
        SftpMain.class.getName(),
        directory.toString(),
        user.home());
  }

  @Override
  public boolean running() {
    return running.getAsBoolean();
  }
}
