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
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
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
  private static final String ROLE = "temporal";
  // A program that was replaced meanwhile shows with this ending.
  private static final Set<String> OUR_PROGRAMS =
      Set.of(
          "temporal-server",
          "temporal-server (deleted)",
          "temporal-ui-server",
          "temporal-ui-server (deleted)",
          "ui-server");
  private static final List<String> SERVICES = List.of("frontend", "history", "matching", "worker");
  private static final List<Stop> STOPS = List.of(new Stop(Signal.TERM, Duration.ofSeconds(15)));

  /**
   * The schemas of the pinned server version.
   *
   * @param directory what the schema tool calls it
   */
  private record Schema(String database, String directory, String version) {}

  private static final List<Schema> SCHEMAS =
      List.of(
          new Schema("temporal", "postgresql/v12/temporal", "1.18"),
          new Schema("temporal_visibility", "postgresql/v12/visibility", "1.9"));

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
      String password = role(home, postgres);
      progress.step(
          "Preparing Temporal's databases",
          () -> {
            migrate(binaries, postgres, password, serverDirectory.resolve("logs"));
            return postgres;
          });
      String dynamic = dynamicSettings(home.resolve("dynamic-custom.yaml"));

      Map<String, Integer> ports =
          new LinkedHashMap<>(runtime.before(PART).map(RuntimeFile.Part::ports).orElse(Map.of()));
      int frontend = ports.getOrDefault("frontend", 0);
      String settings =
          ports.isEmpty() ? "" : serverSettings(ports, postgres.port(), password, dynamicConfig);
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
        settings = serverSettings(ports, postgres.port(), password, dynamicConfig);
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
      String uiSettings = uiSettings(uiBefore, frontendPort, namespace);
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
        uiSettings = uiSettings(uiPort, frontendPort, namespace);
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
    for (String service : SERVICES) {
      for (String name : List.of(service, service + "-membership")) {
        int port = Ports.choose(wanted.getOrDefault(name, 0), promised);
        promised.add(port);
        ports.put(name, port);
      }
    }
    return ports;
  }

  /** A database user of Temporal's own, which owns its two databases and nothing else. */
  private static String role(Path home, EmbeddedPostgres postgres) throws IOException {
    Path file = home.resolve("password");
    boolean fresh = !Files.exists(file);
    if (fresh) {
      byte[] random = new byte[24];
      new SecureRandom().nextBytes(random);
      FileTree.writePrivately(file, HexFormat.of().formatHex(random) + "\n");
    }
    String password = Files.readString(file).strip();
    try (Connection connection = postgres.connect("postgres");
        Statement statement = connection.createStatement()) {
      boolean known;
      try (ResultSet rows =
          statement.executeQuery("select 1 from pg_roles where rolname = '" + ROLE + "'")) {
        known = rows.next();
      }
      if (!known || fresh) {
        // The password is hexadecimal: it cannot end the literal.
        statement.execute(
            (known ? "alter" : "create") + " role " + ROLE + " login password '" + password + "'");
      }
      for (Schema schema : SCHEMAS) {
        try (PreparedStatement exists =
            connection.prepareStatement("select 1 from pg_database where datname = ?")) {
          exists.setString(1, schema.database());
          try (ResultSet rows = exists.executeQuery()) {
            if (!rows.next()) {
              statement.execute("create database \"" + schema.database() + "\" owner " + ROLE);
            }
          }
        }
      }
    } catch (SQLException e) {
      throw new EmbeddedException("Cannot prepare Temporal's databases: " + e.getMessage(), e);
    }
    return password;
  }

  private static void migrate(
      TemporalBinaries binaries, EmbeddedPostgres postgres, String password, Path logs)
      throws IOException {
    for (Schema schema : SCHEMAS) {
      String found = schemaVersion(postgres, schema.database());
      if (schema.version().equals(found)) {
        continue;
      }
      if (found == null) {
        sqlTool(binaries, postgres, password, schema, logs, "setup-schema", "-v", "0.0");
      }
      sqlTool(
          binaries,
          postgres,
          password,
          schema,
          logs,
          "update-schema",
          "--schema-name",
          schema.directory());
      String now = schemaVersion(postgres, schema.database());
      if (!schema.version().equals(now)) {
        throw new EmbeddedException(
            "The database "
                + schema.database()
                + " has schema version "
                + now
                + ", Temporal "
                + TemporalBinaries.SERVER_VERSION
                + " needs "
                + schema.version()
                + ". It was used by another version of this server: use that one, or a new"
                + " DSTACK_SERVER_DIR.");
      }
    }
  }

  private static @Nullable String schemaVersion(EmbeddedPostgres postgres, String database) {
    try (Connection connection = postgres.connect(database);
        Statement statement = connection.createStatement()) {
      try (ResultSet rows =
          statement.executeQuery("select to_regclass('public.schema_version') is not null")) {
        rows.next();
        if (!rows.getBoolean(1)) {
          return null;
        }
      }
      try (ResultSet rows = statement.executeQuery("select curr_version from schema_version")) {
        return rows.next() ? rows.getString(1) : null;
      }
    } catch (SQLException e) {
      throw new EmbeddedException(
          "Cannot read the schema version of " + database + ": " + e.getMessage(), e);
    }
  }

  private static void sqlTool(
      TemporalBinaries binaries,
      EmbeddedPostgres postgres,
      String password,
      Schema schema,
      Path logs,
      String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(binaries.sqlTool().toString()));
    command.addAll(List.of("--db", schema.database()));
    command.addAll(List.of(arguments));
    Path log = logs.resolve("temporal-schema.log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    // By environment: arguments can be read by every user of the machine.
    builder.environment().put("SQL_PLUGIN", "postgres12_pgx");
    builder.environment().put("SQL_HOST", "127.0.0.1");
    builder.environment().put("SQL_PORT", Integer.toString(postgres.port()));
    builder.environment().put("SQL_USER", ROLE);
    builder.environment().put("SQL_PASSWORD", password);
    Process process = builder.start();
    try {
      if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new EmbeddedException(
            "Temporal's schema tool failed at "
                + arguments[0]
                + " of "
                + schema.database()
                + ". Log: "
                + log
                + ", which ends with:\n"
                + FileTree.tail(log, 3));
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new EmbeddedException("Interrupted while preparing " + schema.database() + ".", e);
    }
  }

  private static String serverSettings(
      Map<String, Integer> ports, int postgresPort, String password, Path dynamicConfig) {
    StringBuilder yaml = new StringBuilder();
    yaml.append(
        """
        # Written by the server at every start.
        log:
          stdout: true
          level: warn
        persistence:
          defaultStore: default
          visibilityStore: visibility
          numHistoryShards: 4
          datastores:
        """);
    store(yaml, "default", "temporal", 12, postgresPort, password);
    store(yaml, "visibility", "temporal_visibility", 6, postgresPort, password);
    yaml.append(
        """
        global:
          membership:
            maxJoinDuration: 30s
            broadcastAddress: "127.0.0.1"
        services:
        """);
    for (String service : SERVICES) {
      yaml.append(
          """
            %s:
              rpc:
                grpcPort: %d
                membershipPort: %d
                bindOnLocalHost: true
          """
              .formatted(
                  service,
                  ports.getOrDefault(service, 0),
                  ports.getOrDefault(service + "-membership", 0)));
    }
    int frontend = ports.getOrDefault("frontend", 0);
    yaml.append(
        """
        clusterMetadata:
          enableGlobalNamespace: false
          failoverVersionIncrement: 10
          masterClusterName: "active"
          currentClusterName: "active"
          clusterInformation:
            active:
              enabled: true
              initialFailoverVersion: 1
              rpcName: "frontend"
              rpcAddress: "127.0.0.1:%d"
        dcRedirectionPolicy:
          policy: "noop"
        publicClient:
          hostPort: "127.0.0.1:%d"
        dynamicConfigClient:
          filepath: "%s"
          pollInterval: "60s"
        """
            .formatted(frontend, frontend, dynamicConfig));
    return yaml.toString();
  }

  private static void store(
      StringBuilder yaml,
      String name,
      String database,
      int connections,
      int postgresPort,
      String password) {
    // Each of the four services has pools of its own. What a rush has opened goes by its age, as
    // each connection costs PostgreSQL some megabytes.
    yaml.append(
        """
            %s:
              sql:
                pluginName: "postgres12_pgx"
                databaseName: "%s"
                connectAddr: "127.0.0.1:%d"
                connectProtocol: "tcp"
                user: "%s"
                password: "%s"
                maxConns: %d
                maxIdleConns: %d
                maxConnLifetime: "5m"
        """
            .formatted(name, database, postgresPort, ROLE, password, connections, connections));
  }

  private static String dynamicSettings(Path custom) throws IOException {
    // One partition: with a single server more of them only add hops and idle pollers.
    String settings =
        """
        # Written by the server at every start. Settings of your own go into
        # dynamic-custom.yaml one directory up.
        matching.numTaskqueueReadPartitions:
          - value: 1
        matching.numTaskqueueWritePartitions:
          - value: 1
        frontend.rps:
          - value: 20000
        frontend.namespaceRPS:
          - value: 20000
        frontend.namespaceRPS.visibility:
          - value: 100
        frontend.namespaceCount:
          - value: 5000
        frontend.persistenceMaxQPS:
          - value: 20000
        history.rps:
          - value: 20000
        history.persistenceMaxQPS:
          - value: 20000
        matching.rps:
          - value: 20000
        matching.persistenceMaxQPS:
          - value: 20000
        admin.matchingNamespaceTaskqueueToPartitionDispatchRate:
          - value: 20000
        system.enableNexus:
          - value: false
        frontend.enableServerVersionCheck:
          - value: false
        """;
    return Files.exists(custom) ? settings + Files.readString(custom) : settings;
  }

  private static String uiSettings(int port, int frontendPort, String namespace) {
    return """
    # Written by the server at every start.
    temporalGrpcAddress: "127.0.0.1:%d"
    host: "127.0.0.1"
    port: %d
    enableUi: true
    defaultNamespace: "%s"
    notifyOnNewVersion: false
    showTemporalSystemNamespace: false
    hideLogs: true
    cors:
      cookieInsecure: true
      allowOrigins:
        - "http://127.0.0.1:%d"
        - "http://localhost:%d"
    """
        .formatted(frontendPort, port, namespace, port, port);
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
