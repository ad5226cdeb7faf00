package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The shipped server as a child process, with a home directory of its own. What it leaves running
 * when it is killed (PostgreSQL, Temporal, the agent, jobs) belongs to its directory and is ended
 * by {@link #close()}, by pid.
 */
public final class ServerProcess implements AutoCloseable {
  public static final String TOKEN = "e2e-admin-token-5f0c";
  private static final Duration START = Duration.ofSeconds(120);

  /** A part that runs in a process of its own and can be killed. */
  public enum Part {
    SERVER,
    TEMPORAL,
    POSTGRES,
    AGENT
  }

  private final Path home;
  private final int port;
  private final List<String> arguments;
  private final Map<String, String> environment;
  private final boolean owner;
  private final Path log;
  private boolean byLauncher;
  private @Nullable Process process;

  private ServerProcess(
      Path home,
      int port,
      List<String> arguments,
      Map<String, String> environment,
      boolean owner,
      String name) {
    this.home = home;
    this.port = port;
    this.arguments = arguments;
    this.environment = environment;
    this.owner = owner;
    this.log = home.resolve(name + ".out");
  }

  /** Until a run can start at once: its project is there, and an instance is idle. */
  public ServerProcess awaitReady() {
    Await.until(
        "an instance is idle",
        START,
        () -> {
          JsonNode instances = api().post("/api/instances/list", "{}").ok();
          return !instances.isEmpty() && instances.path(0).path("status").asString().equals("idle");
        },
        () -> tail(log, 6000));
    return this;
  }

  /**
   * @param config the text of the server's config.yml; empty: what the first start writes
   * @param more environment on top of the harness's own
   */
  public static ServerProcess start(String config, Map<String, String> more) {
    ServerProcess server = prepare(newHome(), config, more);
    return server.startAgain().awaitReady();
  }

  /** A server that has not been started yet. */
  public static ServerProcess prepare(Path home, String config, Map<String, String> more) {
    try {
      if (!config.isEmpty()) {
        Path file = home.resolve(".dstack/server/config.yml");
        Files.createDirectories(file.getParent());
        Files.writeString(file, config);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new ServerProcess(home, freePort(), List.of("-y"), more, true, "server");
  }

  /** One more process that shares this server's database and Temporal. */
  public ServerProcess replica(String role, Map<String, String> more) {
    Map<String, String> all = new TreeMap<>(environment);
    all.putAll(more);
    return new ServerProcess(
        home, freePort(), List.of("-n", "--role", role), all, false, role + "-" + freePort());
  }

  public static Path newHome() {
    try {
      return Files.createTempDirectory("dstack-e2e-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts it, on the same directory and port each time, and waits until it answers. */
  public ServerProcess startAgain() {
    spawn();
    awaitHealthy(START);
    return this;
  }

  /** Started by the script at the root, with the flags that people get, instead of a test's. */
  public ServerProcess byLauncher() {
    byLauncher = true;
    return this;
  }

  public void spawn() {
    List<String> command = new ArrayList<>();
    if (byLauncher) {
      command.addAll(List.of(Repository.root().resolve("dstack").toString(), "server"));
    } else {
      command.addAll(
          List.of(
              Repository.java().toString(),
              "-Xmx768m",
              "-XX:+UseSerialGC",
              "-XX:TieredStopAtLevel=1",
              "--enable-native-access=ALL-UNNAMED",
              "--sun-misc-unsafe-memory-access=allow",
              "-Duser.home=" + home,
              "-cp",
              Repository.classPath("infra/server"),
              "dev.dstack.server.Main"));
    }
    command.addAll(
        List.of("--host", "127.0.0.1", "--port", Integer.toString(port), "--token", TOKEN));
    command.addAll(arguments);
    Command program =
        new Command(command)
            .env("DSTACK_NO_BUILD", "1")
            .env("HOME", home.toString())
            .env("DSTACK_CACHE_DIR", Repository.cache().toString())
            .env("DSTACK_SERVER_DIR", serverDirectory().toString())
            .in(home);
    environment.forEach(program::env);
    try {
      process =
          program
              .builder()
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
      process.getOutputStream().close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public void awaitHealthy(Duration limit) {
    Await.until(
        "the server answers at " + base() + "healthcheck",
        limit,
        () -> {
          if (process != null && !process.isAlive()) {
            throw new IllegalStateException("It ended with " + process.exitValue());
          }
          return healthy();
        },
        () -> "Its output:\n" + tail(log, 6000));
  }

  public boolean healthy() {
    try {
      return new Api(base(), null).get("/healthcheck").status() == 200;
    } catch (UncheckedIOException e) {
      return false;
    }
  }

  public URI base() {
    return URI.create("http://127.0.0.1:" + port + "/");
  }

  public int port() {
    return port;
  }

  public Path home() {
    return home;
  }

  public Path serverDirectory() {
    return home.resolve(".dstack/server");
  }

  public Path log() {
    return log;
  }

  public Api api() {
    return new Api(base(), TOKEN);
  }

  public Runs runs() {
    return new Runs(api(), "main");
  }

  public Cli cli() {
    return new Cli(home, base(), "main", TOKEN);
  }

  public long pid() {
    return process == null ? 0 : process.pid();
  }

  public boolean alive() {
    return process != null && process.isAlive();
  }

  /** What the server says about its parts, in runtime.json. */
  public JsonNode runtime() {
    return json(serverDirectory().resolve("runtime.json"));
  }

  public long pid(Part part) {
    return switch (part) {
      case SERVER -> pid();
      case TEMPORAL -> runtime().at("/parts/temporal/pid").asLong(0);
      case POSTGRES -> runtime().at("/parts/postgres/pid").asLong(0);
      case AGENT -> agentPid();
    };
  }

  private long agentPid() {
    Path file = serverDirectory().resolve("agent/agent.json");
    return Files.exists(file) ? json(file).path("pid").asLong(0) : 0;
  }

  /** The server answers before its Temporal does: this waits until it is known where that is. */
  public String temporalAddress() {
    return Await.value(
        "the server says where its Temporal is",
        START,
        () ->
            Optional.of(runtime().path("temporalAddress").asString(""))
                .filter(address -> !address.isEmpty()),
        () -> tail(log, 6000));
  }

  public String temporalNamespace() {
    return runtime().path("temporalNamespace").asString("dstack");
  }

  /** The superuser's password of the embedded PostgreSQL. */
  public String databasePassword() {
    try {
      return Files.readString(serverDirectory().resolve("postgres/password")).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int databasePort() {
    return runtime().at("/parts/postgres/port").asInt();
  }

  /** Kills a part like a crash, and says which pid it had. */
  public long kill9(Part part) {
    long pid = pid(part);
    if (!Processes.alive(pid)) {
      throw new IllegalStateException(part + " does not run (" + pid + ")");
    }
    Processes.kill9(pid);
    Await.until(part + " is dead", Duration.ofSeconds(10), () -> !Processes.alive(pid));
    return pid;
  }

  /** Kills this process like a crash. */
  public void kill9() {
    Process running = process;
    if (running != null) {
      Processes.kill9(running.pid());
      try {
        running.waitFor(10, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Asks it to end; true if it did in time. */
  public boolean stop(Duration limit) {
    Process running = process;
    if (running == null || !running.isAlive()) {
      return true;
    }
    running.destroy();
    try {
      return running.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Keeps the logs of a failed test under target/. */
  public void keepLogs(String test) {
    Path to =
        Repository.target().resolve("failed").resolve(test.replaceAll("[^A-Za-z0-9._-]", "_"));
    try {
      Files.createDirectories(to);
      List<Path> logs = new ArrayList<>();
      try (Stream<Path> walk = Files.walk(home, 6)) {
        walk.filter(Files::isRegularFile)
            .filter(file -> file.toString().matches(".*\\.(log|out|json)"))
            .filter(file -> !file.toString().contains("/postgres/data/"))
            .forEach(logs::add);
      }
      for (Path file : logs) {
        Path target = to.resolve(home.relativize(file).toString().replace('/', '_'));
        Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
      }
      System.err.println("Logs of " + test + " are in " + to);
    } catch (IOException | UncheckedIOException e) {
      System.err.println("Cannot keep the logs of " + test + ": " + e);
    }
  }

  @Override
  public void close() {
    if (!stop(Duration.ofSeconds(40))) {
      kill9();
    }
    if (owner) {
      endAllBelow(home);
      Repository.delete(home);
    }
  }

  /** Agent and jobs outlive a server on purpose; here nobody would come back to them. */
  public void endAgent() {
    endAllBelow(serverDirectory());
  }

  private static void endAllBelow(Path directory) {
    for (int round = 0; round < 3; round++) {
      for (long pid : Processes.mentioning(directory)) {
        Processes.kill9(pid);
      }
    }
  }

  public static String tail(Path file, int characters) {
    try {
      if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        return "(no " + file + ")";
      }
      String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
      return text.substring(Math.max(0, text.length() - characters));
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** For tests that need a file in the home, such as a configuration. */
  public Path write(String path, String text) {
    try {
      Path file = home.resolve(path);
      Files.createDirectories(file.getParent());
      return Files.writeString(
          file, text, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode json(Path file) {
    return Await.value(
        file + " can be read",
        Duration.ofSeconds(10),
        () -> Optional.of(Api.JSON.readTree(Files.readString(file))),
        () -> "");
  }
}
