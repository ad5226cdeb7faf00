package dev.dstack.agent;

import dev.dstack.agent.host.HostResources;
import dev.dstack.agent.http.AgentServer;
import dev.dstack.agent.task.TaskManager;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * {@code agent --home DIR [--stop] [--port N] [--user NAME] [--parent-less]}: runs until it is sent
 * TERM. Its tasks go on without it, and the next agent with the same directory takes them up.
 */
public final class Main {
  /** Another agent has the directory. */
  static final int EXIT_TAKEN = 3;

  static final int EXIT_USAGE = 2;

  private static final String USAGE =
      """
      usage: agent --home DIR [--stop] [--port N] [--user NAME] [--parent-less]

        --home DIR      where tasks, token and state are kept; one agent for each directory
        --port N        port on 127.0.0.1; 0, the default, is the one it had before, else a free one
        --user NAME     run every task as this user and none as another; needs root
        --stop          end the agent of this directory and every task it has, then return
        --parent-less   started by a program that does not read the output: print nothing
      """;

  private Main() {}

  private record Arguments(
      Path home, int port, @Nullable String user, boolean stop, boolean quiet) {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Arguments arguments = parse(args);
    if (arguments == null) {
      System.err.print(USAGE);
      System.exit(EXIT_USAGE);
      return;
    }
    InstantSource clock = InstantSource.system();
    if (arguments.stop()) {
      System.exit(Shutdown.of(arguments.home(), clock));
      return;
    }
    Optional<AgentHome> taken = AgentHome.open(arguments.home());
    if (taken.isEmpty()) {
      System.err.println(
          "another agent already has "
              + arguments.home()
              + "; stop it first, or use another --home");
      System.exit(EXIT_TAKEN);
      return;
    }
    AgentHome home = taken.get();
    AgentLog log = new AgentLog(home.log(), clock);
    long pid = ProcessHandle.current().pid();
    TaskManager tasks;
    try {
      tasks = new TaskManager(home, log, clock, arguments.user());
    } catch (DstackException e) {
      System.err.println("--" + e.getMessage());
      System.exit(EXIT_USAGE);
      return;
    }
    tasks.recover();
    Host host = new Host(home.directory(), tasks.bootId());
    AgentServer server =
        AgentServer.start(ports(arguments.port(), home), home.token(), tasks, host::info, log);
    Announcement announcement = new Announcement(pid, server.port(), version(), clock.instant());
    announce(home.announcement(), Json.lenient().writeValueAsBytes(announcement));
    log.info("ready on 127.0.0.1:" + server.port() + ", process " + pid);
    if (!arguments.quiet()) {
      System.out.println("agent ready on http://127.0.0.1:" + server.port());
    }
    CountDownLatch end = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  log.info("ends; its tasks go on");
                  server.close();
                  end.countDown();
                }));
    end.await();
  }

  private static void announce(Path file, byte[] json) throws IOException {
    try {
      Durable.write(file, json, "rw-------", false);
    } catch (IOException e) {
      // Tasks that wait for their agent must not wait for room on the disk.
      if (!Durable.isDiskFull(e) || !Files.exists(file)) {
        throw e;
      }
      Durable.overwrite(file, json);
    }
  }

  private static @Nullable Arguments parse(String[] args) {
    Path home = null;
    int port = 0;
    String user = null;
    boolean stop = false;
    boolean quiet = false;
    for (int i = 0; i < args.length; i++) {
      boolean more = i + 1 < args.length;
      if (args[i].equals("--home") && more) {
        home = Path.of(args[++i]);
      } else if (args[i].equals("--port") && more) {
        String number = args[++i];
        if (!number.matches("[0-9]{1,5}") || Integer.parseInt(number) > 65_535) {
          return null;
        }
        port = Integer.parseInt(number);
      } else if (args[i].equals("--user") && more) {
        user = args[++i];
      } else if (args[i].equals("--stop")) {
        stop = true;
      } else if (args[i].equals("--parent-less")) {
        quiet = true;
      } else {
        return null;
      }
    }
    return home == null ? null : new Arguments(home, port, user, stop, quiet);
  }

  /** The port of last time first: somebody may have written it down. */
  private static List<Integer> ports(int wanted, AgentHome home) {
    if (wanted != 0) {
      return List.of(wanted);
    }
    List<Integer> ports = new ArrayList<>();
    try {
      if (Files.exists(home.announcement())) {
        byte[] json = Files.readAllBytes(home.announcement());
        ports.add(Json.lenient().readValue(json, Announcement.class).port());
      }
    } catch (IOException | JacksonException e) {
      // A file that can't be read only costs the old port.
      ports.clear();
    }
    ports.add(0);
    return ports;
  }

  static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "0.1.0" : version;
  }

  /** Looked up once; accelerators and limits of a host do not change while it runs. */
  private static final class Host {
    private final Path directory;
    private final String bootId;
    private @Nullable HostInfo info;

    Host(Path directory, String bootId) {
      this.directory = directory;
      this.bootId = bootId;
    }

    synchronized HostInfo info() {
      HostInfo known = info;
      if (known == null) {
        known = new HostInfo(version(), hostname(), bootId, resources());
        info = known;
      }
      return known;
    }

    private Resources resources() {
      try {
        return HostResources.detect(directory);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static String hostname() {
      try {
        return InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException e) {
        return "localhost";
      }
    }
  }
}
