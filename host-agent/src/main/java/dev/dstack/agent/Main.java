package dev.dstack.agent;

import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.docker.Engines;
import dev.dstack.agent.host.GpuDriver;
import dev.dstack.agent.host.HostAddresses;
import dev.dstack.agent.host.HostResources;
import dev.dstack.agent.http.AgentServer;
import dev.dstack.agent.runtime.RuntimeCache;
import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.agent.runtime.RuntimeStore;
import dev.dstack.agent.task.TaskManager;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.io.UncheckedIOException;
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
 * {@code agent --home DIR}, with options that its usage explains: runs until it is sent TERM. Its
 * tasks go on without it, and the next agent with the same directory takes them up.
 */
public final class Main {
  /** Another agent has the directory. */
  static final int EXIT_TAKEN = 3;

  static final int EXIT_USAGE = 2;

  private static final String USAGE =
      """
      usage: agent --home DIR [--stop] [--port N] [--user NAME] [--runtime PATH] [--docker URI]
                   [--registry-mirror HOST] [--parent-less]

        --home DIR      where tasks, token and state are kept; one agent for each directory
        --port N        port on 127.0.0.1; 0, the default, is the one it had before, else a free one
        --user NAME     run every task as this user and none as another; needs root
        --runtime PATH  what containers run their jobs with, a .tar.gz that is unpacked below DIR/runtime or a
                        directory; without it there are no containers
        --docker URI    the Docker Engine; else DOCKER_HOST, else unix:///var/run/docker.sock
        --registry-mirror HOST[:PORT][/PATH]
                        the registry of images that name none, instead of Docker Hub
        --stop          end the agent of this directory and every task it has, then return
        --parent-less   started by a program that does not read the output: print nothing
      """;

  private Main() {}

  private record Arguments(
      Path home,
      int port,
      @Nullable String user,
      @Nullable Path runtime,
      @Nullable String docker,
      @Nullable String mirror,
      boolean stop,
      boolean quiet) {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Arguments arguments = parse(args);
    if (arguments == null) {
      System.err.print(USAGE);
      System.exit(EXIT_USAGE);
      return;
    }
    InstantSource clock = InstantSource.system();
    if (arguments.stop()) {
      System.exit(Shutdown.of(arguments.home(), arguments.docker(), clock));
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
    ContainerHost containers;
    TaskManager tasks;
    try {
      containers =
          new ContainerHost(
              Engines.uri(arguments.docker()),
              home.id(),
              runtime(arguments.runtime(), home, log),
              arguments.mirror(),
              log);
      tasks = new TaskManager(home, log, clock, arguments.user(), containers);
    } catch (DstackException e) {
      System.err.println("--" + e.getMessage());
      System.exit(EXIT_USAGE);
      return;
    }
    tasks.recover();
    Host host = new Host(home.directory(), tasks.bootId(), containers);
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
    Path runtime = null;
    String docker = null;
    String mirror = null;
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
      } else if (args[i].equals("--runtime") && more) {
        runtime = Path.of(args[++i]);
      } else if (args[i].equals("--docker") && more) {
        docker = args[++i];
      } else if (args[i].equals("--registry-mirror") && more) {
        mirror = args[++i];
      } else if (args[i].equals("--stop")) {
        stop = true;
      } else if (args[i].equals("--parent-less")) {
        quiet = true;
      } else {
        return null;
      }
    }
    return home == null
        ? null
        : new Arguments(home, port, user, runtime, docker, mirror, stop, quiet);
  }

  /** Tasks without a container need none. */
  private static @Nullable RuntimeLayout runtime(
      @Nullable Path path, AgentHome home, AgentLog log) {
    if (path == null) {
      return null;
    }
    try {
      RuntimeLayout runtime =
          Files.isDirectory(path)
              ? RuntimeLayout.open(path)
              : RuntimeStore.install(path, home.directory().resolve("runtime"));
      RuntimeCache.prepare(runtime, log);
      return runtime;
    } catch (IOException e) {
      log.warn("there will be no containers: " + e.getMessage(), null);
      return null;
    }
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

  /**
   * Accelerators and limits of a host do not change while it runs and are looked up once; an engine
   * comes and goes.
   */
  private static final class Host {
    private final Path directory;
    private final String bootId;
    private final ContainerHost containers;
    private @Nullable Resources resources;

    Host(Path directory, String bootId, ContainerHost containers) {
      this.directory = directory;
      this.bootId = bootId;
      this.containers = containers;
    }

    HostInfo info() throws InterruptedException {
      Optional<String> missing = containers.obstacle();
      return new HostInfo(
          version(),
          hostname(),
          bootId,
          known(),
          missing.isEmpty(),
          missing.orElse(null),
          containers.version(),
          HostAddresses.own(),
          GpuDriver.ofHost().orElse(null));
    }

    private synchronized Resources known() {
      Resources known = resources;
      if (known == null) {
        known = resources();
        resources = known;
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

    /** Of the kernel: asking for it by name would wait for a name server that may not answer. */
    private static String hostname() {
      try {
        return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
      } catch (IOException e) {
        return "localhost";
      }
    }
  }
}
