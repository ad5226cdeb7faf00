package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.host.Processes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/**
 * The first process of a container inherits every process whose parent has died, and must take them
 * off the process table when they end. Java takes its own children off, at once, and must be left
 * to it: it wants to know how they ended. So what has been dead for a while is nobody's.
 */
final class Orphans implements Runnable {
  /** The command is to start before the machine is busy with this. */
  private static final Duration BEGIN_AFTER = Duration.ofSeconds(4);

  private static final Duration NO_CHILD_PAUSE = Duration.ofSeconds(2);
  private static final Duration OWN_ARE_TAKEN_WITHIN = Duration.ofSeconds(1);

  private final AgentLog log;
  private final int self;

  Orphans(AgentLog log) {
    this.log = log;
    this.self = (int) ProcessHandle.current().pid();
  }

  void start() {
    Thread.ofPlatform().daemon().name("orphans").start(this);
  }

  @Override
  public void run() {
    try {
      Thread.sleep(BEGIN_AFTER);
      while (true) {
        if (Posix.awaitAnyChild()) {
          Set<Processes.Proc> before = deadChildren();
          Thread.sleep(OWN_ARE_TAKEN_WITHIN);
          before.retainAll(deadChildren());
          before.forEach(child -> Posix.reap(child.pid()));
        } else {
          Thread.sleep(NO_CHILD_PAUSE);
        }
      }
    } catch (InterruptedException e) {
      return;
    } catch (IOException | RuntimeException e) {
      log.warn("processes without a parent are not looked after any more", e);
    }
  }

  private Set<Processes.Proc> deadChildren() throws IOException {
    Set<Processes.Proc> found = new HashSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path entry : entries) {
        String stat;
        try {
          stat = Files.readString(entry.resolve("stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
          // It has gone meanwhile.
          continue;
        }
        if (parent(stat) == self) {
          Processes.parse(stat).filter(Processes.Proc::isZombie).ifPresent(found::add);
        }
      }
    }
    return found;
  }

  private static int parent(String stat) {
    String[] rest = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", 3);
    return rest.length < 3 ? -1 : Integer.parseInt(rest[1]);
  }
}
