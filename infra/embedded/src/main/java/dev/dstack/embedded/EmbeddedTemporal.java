package dev.dstack.embedded;

import dev.dstack.embedded.ProcFs.ProcessKey;
import dev.dstack.embedded.ProcFs.Signal;
import dev.dstack.embedded.Supervised.Stop;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.OperatorServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The official Temporal server and its Web UI as supervised children, on an embedded PostgreSQL.
 *
 * <p>Their files are below {@code temporal} in the server directory and are written at every start.
 * Settings of one's own for the server's dynamic configuration go into {@code
 * temporal/dynamic-custom.yaml}, which is appended.
 */
public final class EmbeddedTemporal implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedTemporal.class);
  private static final String PART = "temporal";
  private static final String UI_PART = "temporal-ui";
  private static final String ENVIRONMENT = "embedded";
  // A program that was replaced meanwhile shows with this ending.
  private static final Set<String> OUR_PROGRAMS =
      Set.of(
          "temporal-server",
          "temporal-server (deleted)",
          "temporal-ui-server",
          "temporal-ui-server (deleted)",
          "ui-server");
  private static final List<Stop> STOPS = List.of(new Stop(Signal.TERM, Duration.ofSeconds(15)));

  private final int frontendPort;
  private final int uiPort;
  private final Supervised server;
  private final Supervised ui;

  private EmbeddedTemporal(int frontendPort, int uiPort, Supervised server, Supervised ui) {
    this.frontendPort = frontendPort;
    this.uiPort = uiPort;
    this.server = server;
    this.ui = ui;
  }

  /**
   * Starts both, or takes over what a killed server left, and returns when the server serves
   * workflows in the namespace. The Web UI may take a moment longer.
   *
   * @param searchAttributes names and types ({@code keyword}, {@code int}, {@code datetime} …)
   */
  static EmbeddedTemporal start(
      Path serverDirectory,
      TemporalBinaries binaries,
      EmbeddedPostgres postgres,
      String namespace,
      Map<String, String> searchAttributes,
      RuntimeFile runtime,
      Progress progress) {
    try {
      Path home = serverDirectory.resolve("temporal");
      Path serverConfig = home.resolve("server/config/" + ENVIRONMENT + ".yaml");
      Path dynamicConfig = home.resolve("server/dynamic.yaml");
      Path uiConfig = home.resolve("ui/config/" + ENVIRONMENT + ".yaml");
      FileTree.createPrivateDirectory(serverConfig.resolveSibling("."));
      FileTree.createPrivateDirectory(uiConfig.resolveSibling("."));
      TemporalDatabases databases = TemporalDatabases.of(home, postgres);
      progress.step(
          "Preparing Temporal's databases",
          () -> {
            databases.migrate(binaries, serverDirectory.resolve("logs"));
            return postgres;
          });
      String dynamic = TemporalSettings.dynamic(home.resolve("dynamic-custom.yaml"));

      Map<String, Integer> ports =
          new LinkedHashMap<>(runtime.before(PART).map(RuntimeFile.Part::ports).orElse(Map.of()));
      int frontend = ports.getOrDefault("frontend", 0);
      String settings =
          ports.isEmpty()
              ? ""
              : TemporalSettings.server(
                  ports, postgres.port(), databases.password(), dynamicConfig);
      Optional<ProcessKey> orphan =
          orphan(
              runtime,
              PART,
              binaries.server(),
              home.resolve("server"),
              fingerprint(binaries.server(), settings, dynamic),
              () -> Ports.accepts(frontend));
      if (orphan.isEmpty()) {
        ports = choosePorts(ports, postgres.port());
        settings =
            TemporalSettings.server(ports, postgres.port(), databases.password(), dynamicConfig);
        FileTree.writePrivately(dynamicConfig, dynamic);
        FileTree.writePrivately(serverConfig, settings);
      }
      Map<String, Integer> chosen = Map.copyOf(ports);
      int frontendPort = chosen.getOrDefault("frontend", 0);
      Supervised server =
          supervised(
              "Temporal",
              PART,
              binaries.server(),
              home.resolve("server"),
              TemporalBinaries.SERVER_VERSION,
              frontendPort,
              chosen,
              List.of(
                  "--root",
                  home.resolve("server").toString(),
                  "--config",
                  "config",
                  "--env",
                  ENVIRONMENT,
                  "--allow-no-auth",
                  "start"),
              serverDirectory.resolve("logs/temporal.log"),
              fingerprint(binaries.server(), settings, dynamic),
              () -> Ports.accepts(frontendPort),
              runtime);

      int uiBefore = runtime.before(UI_PART).map(RuntimeFile.Part::port).orElse(0);
      String uiSettings = TemporalSettings.ui(uiBefore, frontendPort, namespace);
      Optional<ProcessKey> uiOrphan =
          orphan(
              runtime,
              UI_PART,
              binaries.ui(),
              home.resolve("ui"),
              fingerprint(binaries.ui(), uiSettings, ""),
              () -> Ports.accepts(uiBefore));
      int uiPort = uiBefore;
      if (uiOrphan.isEmpty()) {
        Set<Integer> promised = new HashSet<>(chosen.values());
        promised.add(postgres.port());
        uiPort = Ports.choose(uiBefore, promised);
        uiSettings = TemporalSettings.ui(uiPort, frontendPort, namespace);
        FileTree.writePrivately(uiConfig, uiSettings);
      }
      int theUiPort = uiPort;
      Supervised ui =
          supervised(
              "Temporal Web UI",
              UI_PART,
              binaries.ui(),
              home.resolve("ui"),
              TemporalBinaries.UI_VERSION,
              theUiPort,
              Map.of(),
              List.of(
                  "--root",
                  home.resolve("ui").toString(),
                  "--config",
                  "config",
                  "--env",
                  ENVIRONMENT,
                  "start"),
              serverDirectory.resolve("logs/temporal-ui.log"),
              fingerprint(binaries.ui(), uiSettings, ""),
              () -> Ports.accepts(theUiPort),
              runtime);

      EmbeddedTemporal temporal = new EmbeddedTemporal(frontendPort, theUiPort, server, ui);
      boolean done = false;
      try {
        if (orphan.isPresent()) {
          LOG.info("Taking over the Temporal that runs already on port {}.", frontendPort);
          server.adopt(orphan.get());
        } else {
          progress.step(
              "Starting Temporal",
              () -> {
                server.start();
                return frontendPort;
              });
        }
        progress.step(
            "Waiting for Temporal to serve",
            () -> {
              prepare(temporal.address(), namespace, searchAttributes);
              return namespace;
            });
        // Last: it must not compete with the server for the processors while that starts.
        if (uiOrphan.isPresent()) {
          ui.adopt(uiOrphan.get());
        } else {
          ui.startLater();
        }
        runtime.temporal(temporal.address(), namespace, temporal.uiUrl());
        done = true;
      } finally {
        if (!done) {
          temporal.close();
        }
      }
      return temporal;
    } catch (IOException e) {
      throw new EmbeddedException(
          "Cannot start Temporal in " + serverDirectory + ": " + e.getMessage(), e);
    }
  }

  private static Supervised supervised(
      String name,
      String part,
      Path program,
      Path directory,
      String version,
      int port,
      Map<String, Integer> ports,
      List<String> arguments,
      Path log,
      String fingerprint,
      BooleanSupplier ready,
      RuntimeFile runtime) {
    return new Supervised(
        new Supervised.Spec(
            name,
            version,
            port,
            log,
            () -> {
              List<String> command = new ArrayList<>(List.of(program.toString()));
              command.addAll(arguments);
              ProcessBuilder builder =
                  EmbeddedPostgres.detached(command).directory(directory.toFile());
              // Nothing of the server's own settings is for these programs to see.
              builder.environment().keySet().removeIf(EmbeddedTemporal::isOurs);
              // Asked for at the start, and not every environment has it.
              builder.environment().putIfAbsent("USER", "dstack");
              builder.environment().put("TEMPORAL_VERSION_CHECK_DISABLED", "1");
              // Half the memory for a little more work: it shares the machine.
              builder.environment().putIfAbsent("GOGC", "50");
              return builder;
            },
            ready,
            Duration.ofMinutes(2),
            STOPS,
            key ->
                runtime.put(
                    part,
                    new RuntimeFile.Part(
                        key.pid(), key.startTicks(), port, ports, version, fingerprint))));
  }

  private static boolean isOurs(String variable) {
    return variable.startsWith("DSTACK_")
        || variable.startsWith("TEMPORAL_")
        || variable.startsWith("SQL_");
  }

  /**
   * What is running already and may stay; anything else of ours that still runs is ended. They are
   * known by the directory they stand in: a server can be killed between the start of a process and
   * the note of it.
   */
  private static Optional<ProcessKey> orphan(
      RuntimeFile runtime,
      String part,
      Path program,
      Path directory,
      String fingerprint,
      BooleanSupplier serves)
      throws IOException {
    Path executable = program.toRealPath();
    Optional<ProcessKey> wanted =
        runtime
            .before(part)
            .filter(before -> before.fingerprint().equals(fingerprint))
            .map(RuntimeFile.Part::process);
    Optional<ProcessKey> kept = Optional.empty();
    for (ProcessKey process : ProcFs.standingIn(directory)) {
      Path running = ProcFs.executable(process.pid());
      if (wanted.equals(Optional.of(process))
          && executable.equals(running)
          && serves.getAsBoolean()) {
        kept = wanted;
      } else if (running != null && OUR_PROGRAMS.contains(running.getFileName().toString())) {
        LOG.info("Stopping process {} ({}) left by an earlier server.", process.pid(), part);
        Supervised.end(process, STOPS);
      }
    }
    return kept;
  }

  /** Ends what a killed server left; tells how many processes that were. */
  static int stopLeftovers(Path serverDirectory) {
    int ended = 0;
    for (String part : List.of("ui", "server")) {
      for (ProcessKey process :
          ProcFs.standingIn(serverDirectory.resolve("temporal").resolve(part))) {
        Path running = ProcFs.executable(process.pid());
        if (running != null && OUR_PROGRAMS.contains(running.getFileName().toString())) {
          Supervised.end(process, STOPS);
          ended++;
        }
      }
    }
    return ended;
  }

  private static String fingerprint(Path program, String settings, String more) throws IOException {
    return Digests.fingerprint(
        program + "\n" + Files.getLastModifiedTime(program) + "\n" + settings + "\n" + more);
  }

  private static Map<String, Integer> choosePorts(Map<String, Integer> wanted, int taken) {
    Set<Integer> promised = new HashSet<>();
    promised.add(taken);
    Map<String, Integer> ports = new LinkedHashMap<>();
    for (String service : TemporalSettings.SERVICES) {
      for (String name : List.of(service, service + "-membership")) {
        int port = Ports.choose(wanted.getOrDefault(name, 0), promised);
        promised.add(port);
        ports.put(name, port);
      }
    }
    return ports;
  }

  private static void prepare(
      String address, String namespace, Map<String, String> searchAttributes) {
    WorkflowServiceStubs workflows =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(address)
                .validateAndBuildWithDefaults());
    OperatorServiceStubs operator =
        OperatorServiceStubs.newServiceStubs(
            OperatorServiceStubsOptions.newBuilder()
                .setTarget(address)
                .validateAndBuildWithDefaults());
    try {
      new TemporalNamespace(workflows, namespace).prepare(operator, searchAttributes);
    } finally {
      operator.shutdownNow();
      workflows.shutdownNow();
    }
  }

  /** {@code host:port} of the frontend. */
  public String address() {
    return "127.0.0.1:" + frontendPort;
  }

  /** Where the Web UI is, without a slash at the end. */
  public String uiUrl() {
    return "http://127.0.0.1:" + uiPort;
  }

  public List<PartStatus> status() {
    return List.of(server.status(), ui.status());
  }

  /** For tests: forgets the processes without telling them, as a killed server does. */
  void abandon() {
    server.abandon();
    ui.abandon();
  }

  @Override
  public void close() {
    ui.close();
    server.close();
  }
}
