package dev.dstack.embedded;

import dev.dstack.embedded.ProcFs.ProcessKey;
import dev.dstack.embedded.ProcFs.Signal;
import dev.dstack.embedded.Supervised.Stop;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PostgreSQL as a supervised child, on a loopback port, with all its state in one directory.
 *
 * <p>The directory holds {@code data} (the cluster), {@code password} (of the superuser, readable
 * by the owner only) and {@code port} (kept over restarts while it is free). A PostgreSQL that a
 * killed server has left running is taken over if it is the one that would be started, and shut
 * down cleanly otherwise. Settings of one's own go into {@code data/custom.conf}.
 */
public final class EmbeddedPostgres implements AutoCloseable {
  /** The superuser. */
  public static final String USER = "postgres";

  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedPostgres.class);
  private static final String NAME = "PostgreSQL";
  private static final String PART = "postgres";
  private static final Duration START_TIMEOUT = Duration.ofMinutes(5);

  // "Fast" ends sessions and writes a checkpoint; "immediate" relies on recovery at the next start.
  private static final Stop FAST = new Stop(Signal.INT, Duration.ofSeconds(60));
  private static final Stop IMMEDIATE = new Stop(Signal.QUIT, Duration.ofSeconds(10));

  private final Path data;
  private final int port;
  private final String password;
  private final Supervised process;
  private final @Nullable Path deleteAtClose;
  private @Nullable Thread hook;

  private EmbeddedPostgres(
      Path data, int port, String password, Supervised process, @Nullable Path deleteAtClose) {
    this.data = data;
    this.port = port;
    this.password = password;
    this.process = process;
    this.deleteAtClose = deleteAtClose;
  }

  /**
   * Starts, or takes over, the PostgreSQL of a server directory. The caller holds the directory's
   * lock; {@link EmbeddedStack} does all of this.
   */
  static EmbeddedPostgres start(
      Path serverDirectory, Path cacheDirectory, RuntimeFile runtime, Progress progress) {
    return start(
        serverDirectory.resolve("postgres"),
        serverDirectory.resolve("logs/postgres.log"),
        cacheDirectory,
        runtime,
        progress,
        Unprivileged.detect(),
        true,
        null);
  }

  /**
   * A PostgreSQL for a test, ready in about half a second: its cluster is a copy of one kept in the
   * cache, nothing is synced to disk, and closing it (or the end of the JVM) removes all.
   *
   * @param directory an existing directory, such as JUnit's temporary ones
   */
  public static EmbeddedPostgres startTemporary(Path directory) {
    return startTemporary(directory, defaultCacheDirectory(System.getenv()));
  }

  static EmbeddedPostgres startTemporary(Path directory, Path cacheDirectory) {
    Path home = directory.resolve("postgres");
    Progress progress = Progress.log();
    try {
      FileTree.createPrivateDirectory(home);
      Path template = template(cacheDirectory, progress);
      FileTree.copy(template.resolve("data"), home.resolve("data"));
      Files.copy(template.resolve("password"), home.resolve("password"));
    } catch (IOException e) {
      throw new EmbeddedException("Cannot prepare " + home + ": " + e.getMessage(), e);
    }
    EmbeddedPostgres postgres =
        start(
            home,
            home.resolve("postgres.log"),
            cacheDirectory,
            RuntimeFile.open(home.resolve("runtime.json")),
            progress,
            Unprivileged.detect(),
            false,
            home);
    postgres.hook = new Thread(postgres::close, "end-temporary-postgres");
    Runtime.getRuntime().addShutdownHook(postgres.hook);
    return postgres;
  }

  /** Where binaries are kept for all servers of this user: {@code ~/.dstack/cache}. */
  public static Path defaultCacheDirectory(Map<String, String> environment) {
    String chosen = environment.get("DSTACK_CACHE_DIR");
    return chosen != null && !chosen.isEmpty()
        ? Path.of(chosen)
        : Path.of(System.getProperty("user.home"), ".dstack", "cache");
  }

  static EmbeddedPostgres start(
      Path home,
      Path log,
      Path cacheDirectory,
      RuntimeFile runtime,
      Progress progress,
      Unprivileged user,
      boolean durable,
      @Nullable Path deleteAtClose) {
    PostgresBinaries binaries = PostgresBinaries.unpack(cacheDirectory, progress);
    Path data = home.resolve("data");
    try {
      FileTree.createPrivateDirectory(home);
      FileTree.createPrivateDirectory(log.resolveSibling("."));
      if (!Files.exists(data.resolve("PG_VERSION"))) {
        progress.step(
            "Creating the database cluster",
            () -> {
              createCluster(binaries, user, home, List.of());
              return data;
            });
      }
      checkVersion(data, binaries);
      String password = Files.readString(home.resolve("password")).strip();

      Optional<ProcessKey> orphan = postmaster(data);
      int port = storedPort(home);
      String settings = settings(port, durable);
      String fingerprint =
          Digests.fingerprint(binaries.checksum() + user + settings + custom(data));
      String expected = fingerprint;
      boolean adopt =
          orphan.isPresent()
              && runtime
                  .before(PART)
                  .filter(before -> before.process().equals(orphan.get()))
                  .filter(before -> before.fingerprint().equals(expected))
                  .isPresent()
              && isReady(data, port);
      if (!adopt) {
        orphan.ifPresent(
            process -> {
              LOG.info("Stopping a PostgreSQL left by an earlier server ({}).", process.pid());
              Supervised.end(process, List.of(FAST, IMMEDIATE));
            });
        int chosen = Ports.choose(port, Set.of());
        if (chosen != port) {
          port = chosen;
          FileTree.writePrivately(home.resolve("port"), port + "\n");
          settings = settings(port, durable);
          fingerprint = Digests.fingerprint(binaries.checksum() + user + settings + custom(data));
        }
        FileTree.writePrivately(data.resolve("postgresql.conf"), settings);
        FileTree.writePrivately(
            data.resolve("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
        for (String file : List.of("postgresql.conf", "pg_hba.conf")) {
          user.own(data.resolve(file));
        }
        user.own(data);
      }
      int thePort = port;
      String theFingerprint = fingerprint;
      Supervised process =
          new Supervised(
              new Supervised.Spec(
                  NAME,
                  binaries.version(),
                  thePort,
                  log,
                  () -> {
                    removeLeftovers(data);
                    List<String> command = new ArrayList<>(user.prefix());
                    command.addAll(List.of(binaries.postgres().toString(), "-D", data.toString()));
                    return clean(detached(command));
                  },
                  () -> isReady(data, thePort),
                  START_TIMEOUT,
                  durable ? List.of(FAST, IMMEDIATE) : List.of(IMMEDIATE),
                  key ->
                      runtime.put(
                          PART,
                          new RuntimeFile.Part(
                              key.pid(),
                              key.startTicks(),
                              thePort,
                              Map.of(),
                              binaries.version(),
                              theFingerprint))));
      if (adopt) {
        process.adopt(orphan.orElseThrow());
        LOG.info("Taking over the PostgreSQL that runs already on port {}.", thePort);
      } else {
        progress.step(
            "Starting PostgreSQL",
            () -> {
              process.start();
              return thePort;
            });
      }
      return new EmbeddedPostgres(data, thePort, password, process, deleteAtClose);
    } catch (IOException e) {
      throw new EmbeddedException("Cannot start PostgreSQL in " + home + ": " + e.getMessage(), e);
    }
  }

  /** Ends what a killed server left; tells how many servers that were. */
  static int stopLeftovers(Path serverDirectory) {
    Optional<ProcessKey> orphan = postmaster(serverDirectory.resolve("postgres/data"));
    orphan.ifPresent(process -> Supervised.end(process, List.of(FAST, IMMEDIATE)));
    return orphan.isPresent() ? 1 : 0;
  }

  private static Path template(Path cacheDirectory, Progress progress) throws IOException {
    PostgresBinaries binaries = PostgresBinaries.unpack(cacheDirectory, progress);
    Path templates = cacheDirectory.resolve("postgres-test-clusters");
    Path template = templates.resolve(binaries.checksum());
    if (Files.exists(template.resolve("data/PG_VERSION"))) {
      return template;
    }
    FileTree.createPrivateDirectory(templates);
    Path temporary = Files.createTempDirectory(templates, "new-");
    try {
      createCluster(
          binaries, Unprivileged.detect(), temporary, List.of("--wal-segsize=1", "--no-sync"));
      try {
        Files.move(temporary, template, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        // Another process was faster.
        if (!Files.exists(template.resolve("data/PG_VERSION"))) {
          throw e;
        }
      }
    } finally {
      FileTree.delete(temporary);
    }
    return template;
  }

  private static void createCluster(
      PostgresBinaries binaries, Unprivileged user, Path home, List<String> options)
      throws IOException {
    Path password = home.resolve("password");
    if (!Files.exists(password)) {
      byte[] random = new byte[24];
      new SecureRandom().nextBytes(random);
      FileTree.writePrivately(
          password, Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n");
    }
    // Made aside and renamed, so that an interrupted creation is never taken for a cluster.
    Path unfinished = home.resolve("data.new");
    FileTree.delete(unfinished);
    List<String> command = new ArrayList<>(user.prefix());
    command.addAll(
        List.of(
            binaries.initdb().toString(),
            "--pgdata=" + unfinished,
            "--username=" + USER,
            "--auth=scram-sha-256",
            "--pwfile=" + password,
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions"));
    command.addAll(options);
    Process process = clean(new ProcessBuilder(command)).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new EmbeddedException(
            "PostgreSQL could not create its files in " + home + ":\n" + said.strip());
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new EmbeddedException("Interrupted while creating " + home + ".", e);
    }
    Files.move(unfinished, home.resolve("data"), StandardCopyOption.ATOMIC_MOVE);
  }

  private static void checkVersion(Path data, PostgresBinaries binaries) throws IOException {
    String found = Files.readString(data.resolve("PG_VERSION")).strip();
    String major = binaries.version().replaceFirst("\\..*", "");
    if (!found.equals(major)) {
      throw new EmbeddedException(
          "The data in "
              + data
              + " was written by PostgreSQL "
              + found
              + ", this server brings "
              + binaries.version()
              + ". Move it with pg_dump and pg_restore, or set DSTACK_DATABASE_URL to a PostgreSQL "
              + found
              + " that has it.");
    }
  }

  private static int storedPort(Path home) throws IOException {
    Path file = home.resolve("port");
    if (!Files.exists(file)) {
      return 0;
    }
    String text = Files.readString(file).strip();
    return text.matches("[0-9]{1,5}") ? Integer.parseInt(text) : 0;
  }

  private static String custom(Path data) throws IOException {
    Path file = data.resolve("custom.conf");
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private static String settings(int port, boolean durable) {
    // Sized for a small machine that PostgreSQL shares with everything else.
    return """
    # Written by the server at every start. Settings of your own go into custom.conf beside it.
    listen_addresses = '127.0.0.1'
    port = %d
    unix_socket_directories = ''
    max_connections = 200
    password_encryption = scram-sha-256
    fsync = %s
    full_page_writes = %s
    synchronous_commit = %s
    shared_buffers = %s
    effective_cache_size = 1GB
    work_mem = 8MB
    maintenance_work_mem = 64MB
    max_wal_size = 1GB
    min_wal_size = 80MB
    wal_compression = pglz
    checkpoint_timeout = 15min
    random_page_cost = 1.1
    jit = off
    io_method = sync
    max_worker_processes = 4
    max_parallel_workers = 2
    max_parallel_workers_per_gather = 0
    max_wal_senders = 0
    wal_level = minimal
    autovacuum_naptime = 30s
    autovacuum_vacuum_scale_factor = 0.05
    autovacuum_analyze_scale_factor = 0.05
    idle_in_transaction_session_timeout = 5min
    tcp_keepalives_idle = 60
    tcp_keepalives_interval = 10
    tcp_keepalives_count = 6
    logging_collector = off
    log_destination = 'stderr'
    log_min_messages = warning
    log_min_error_statement = panic
    log_line_prefix = '%%m [%%p] %%d '
    log_timezone = 'UTC'
    timezone = 'UTC'
    lc_messages = 'C'
    include_if_exists = 'custom.conf'
    """
        .formatted(
            port,
            durable ? "on" : "off",
            durable ? "on" : "off",
            durable ? "on" : "off",
            durable ? "128MB" : "32MB");
  }

  /** The lines of postmaster.pid: 1 pid, 2 data directory, 4 port, 8 status. */
  private static List<String> postmasterPid(Path data) {
    try {
      return Files.readAllLines(data.resolve("postmaster.pid"));
    } catch (IOException e) {
      return List.of();
    }
  }

  private static boolean isReady(Path data, int port) {
    List<String> lines = postmasterPid(data);
    return lines.size() >= 8
        && lines.get(3).strip().equals(Integer.toString(port))
        && lines.get(7).strip().equals("ready");
  }

  /** The running postmaster of this cluster: named in its pid file and standing in the cluster. */
  private static Optional<ProcessKey> postmaster(Path data) {
    List<String> lines = postmasterPid(data);
    if (lines.isEmpty() || !lines.getFirst().strip().matches("[0-9]{1,18}")) {
      return Optional.empty();
    }
    long pid = Long.parseLong(lines.getFirst().strip());
    return ProcFs.standingIn(data).stream().filter(process -> process.pid() == pid).findFirst();
  }

  /**
   * After a postmaster was killed: its backends end by themselves soon, but one that computes may
   * stay, and a new postmaster refuses to start beside it. A pid file whose number now is another
   * program's is removed for the same reason.
   */
  private static void removeLeftovers(Path data) throws IOException {
    if (!Files.exists(data.resolve("postmaster.pid"), LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Waiting.until(
        Duration.ofSeconds(2), Duration.ofMillis(20), () -> ProcFs.standingIn(data).isEmpty())) {
      for (ProcessKey process : ProcFs.standingIn(data)) {
        Path program = ProcFs.executable(process.pid());
        // A person's shell may stand there too.
        if (program != null && program.endsWith("postgres")) {
          LOG.warn("Ending {}, a process of the PostgreSQL that was killed.", process.pid());
          ProcFs.signal(process, Signal.KILL);
          Waiting.until(Duration.ofSeconds(5), Duration.ofMillis(20), () -> !process.isAlive());
        }
      }
    }
    Files.deleteIfExists(data.resolve("postmaster.pid"));
  }

  /** In a session of its own: Ctrl-C at the terminal goes to the server, which ends its parts. */
  static ProcessBuilder detached(List<String> command) {
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      List<String> all = new ArrayList<>(List.of("/usr/bin/setsid"));
      all.addAll(command);
      return new ProcessBuilder(all);
    }
    return new ProcessBuilder(command);
  }

  /** What PostgreSQL's programs read from the environment must come from nobody's shell. */
  private static ProcessBuilder clean(ProcessBuilder command) {
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    command.environment().clear();
    command.environment().put("PATH", path);
    command.environment().put("LC_ALL", "C");
    command.environment().put("TZ", "UTC");
    return command;
  }

  public String host() {
    return "127.0.0.1";
  }

  public int port() {
    return port;
  }

  public String user() {
    return USER;
  }

  public String password() {
    return password;
  }

  /** The cluster's directory. */
  public Path data() {
    return data;
  }

  /** Without user and password. */
  public String jdbcUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:%d/%s?sslmode=disable&gssEncMode=disable"
        .formatted(port, database);
  }

  /** A connection of the superuser. */
  public Connection connect(String database) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", USER);
    properties.setProperty("password", password);
    return DriverManager.getConnection(jdbcUrl(database), properties);
  }

  /** Creates the database unless it exists. */
  public void createDatabase(String database) {
    if (!database.matches("[a-z_][a-z0-9_]*")) {
      throw new IllegalArgumentException("Not a name for a database: " + database);
    }
    try (Connection connection = connect("postgres")) {
      try (PreparedStatement exists =
          connection.prepareStatement("select 1 from pg_database where datname = ?")) {
        exists.setString(1, database);
        try (ResultSet rows = exists.executeQuery()) {
          if (rows.next()) {
            return;
          }
        }
      }
      try (Statement create = connection.createStatement()) {
        create.execute("create database \"" + database + "\"");
      }
    } catch (SQLException e) {
      throw new EmbeddedException(
          "Cannot create the database " + database + ": " + e.getMessage(), e);
    }
  }

  public PartStatus status() {
    return process.status();
  }

  /** For tests: forgets the process without telling it, as a killed server does. */
  void abandon() {
    process.abandon();
  }

  /** Shuts down fast: sessions are ended, all is written. */
  @Override
  public void close() {
    process.close();
    Thread ending = hook;
    if (ending != null && !Thread.currentThread().equals(ending)) {
      try {
        Runtime.getRuntime().removeShutdownHook(ending);
      } catch (IllegalStateException e) {
        // The JVM is going down already.
      }
    }
    if (deleteAtClose != null) {
      try {
        FileTree.delete(deleteAtClose);
        // What is around it goes too, unless somebody else has something there.
        Files.deleteIfExists(deleteAtClose.toAbsolutePath().getParent());
      } catch (DirectoryNotEmptyException e) {
        LOG.debug("{} is not empty", deleteAtClose.getParent());
      } catch (IOException e) {
        LOG.warn("Cannot remove {}: {}", deleteAtClose, e.getMessage());
      }
    }
  }
}
