package dev.dstack.server;

import dev.dstack.activities.metrics.Retention;
import dev.dstack.activities.worker.WorkerIdentity;
import dev.dstack.activities.worker.WorkerSettings;
import dev.dstack.activities.worker.Workers;
import dev.dstack.api.backend.BackendTypes;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.api.log.LogReader;
import dev.dstack.api.metrics.PrometheusSettings;
import dev.dstack.backends.BackendContext;
import dev.dstack.db.Database;
import dev.dstack.db.DatabaseRole;
import dev.dstack.db.DatabaseUrl;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.KeyRotation;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.records.Deployment;
import dev.dstack.embedded.EmbeddedException;
import dev.dstack.embedded.EmbeddedPostgres;
import dev.dstack.embedded.EmbeddedStack;
import dev.dstack.embedded.EmbeddedTemporal;
import dev.dstack.embedded.Progress;
import dev.dstack.embedded.TemporalNamespace;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.error.DstackException;
import dev.dstack.workflows.support.SearchAttributes;
import io.prometheus.client.CollectorRegistry;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.OperatorServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One server process: its parts, started in the order in which they need each other and closed in
 * the reverse.
 */
public final class DstackServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DstackServer.class);

  private static final String DATABASE = "dstack";
  private static final int API_CONNECTIONS = 16;
  private static final int WORKER_CONNECTIONS = 16;

  private final ServerOptions options;
  private final InstantSource clock = InstantSource.system();
  private final PrometheusSettings prometheus = PrometheusSettings.of(System.getenv());

  /** What this process counts itself. */
  private final CollectorRegistry registry = new CollectorRegistry();

  /** The workers start on a thread of their own beside the API, and both add what they made. */
  private final Deque<AutoCloseable> parts = new ConcurrentLinkedDeque<>();

  private final CountDownLatch startEnded = new CountDownLatch(1);
  private volatile boolean starting;

  /**
   * Busy with what can take minutes and may be interrupted: getting and starting other programs.
   */
  private volatile @Nullable Thread interruptible;

  private volatile boolean closing;
  private int port;

  /** Does nothing yet; {@link #close} may be called at any time from now on. */
  public DstackServer(ServerOptions options) {
    this.options = options;
    this.port = options.port();
  }

  /**
   * Starts a new one.
   *
   * @throws StartupException saying what is wrong and what to do; nothing is left running then
   */
  public static DstackServer start(ServerOptions options) {
    DstackServer server = new DstackServer(options);
    server.start();
    return server;
  }

  /**
   * Starts all parts; once only.
   *
   * @throws StartupException saying what is wrong and what to do; nothing is left running then
   */
  public void start() {
    starting = true;
    boolean done = false;
    try {
      goOn();
      run();
      goOn();
      done = true;
    } catch (RuntimeException e) {
      if (closing) {
        throw new StartupException("it was told to stop while it was starting.");
      }
      throw asStartupProblem(e);
    } finally {
      if (!done) {
        // What interrupted the start must not cut short the ends of its parts.
        boolean interrupted = Thread.interrupted();
        closeParts();
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
      startEnded.countDown();
    }
  }

  private void goOn() {
    if (closing) {
      throw new StartupException("it was told to stop while it was starting.");
    }
  }

  private static RuntimeException asStartupProblem(RuntimeException problem) {
    Throwable cause =
        problem instanceof CompletionException && problem.getCause() != null
            ? problem.getCause()
            : problem;
    return cause instanceof EmbeddedException || cause instanceof DstackException
        ? new StartupException(String.valueOf(cause.getMessage()))
        : problem;
  }

  /** The port it really listens on. */
  public int port() {
    return port;
  }

  private void run() {
    long begun = System.nanoTime();
    makeServerDir();
    String databaseUrl = options.databaseUrl();
    String temporalAddress = options.temporalAddress();
    if (options.role() != Role.ALL && (databaseUrl == null || temporalAddress == null)) {
      throw new StartupException(
          "--role "
              + options.role().name().toLowerCase(Locale.ROOT)
              + " shares a database and a Temporal with other processes: set DSTACK_DATABASE_URL and"
              + " TEMPORAL_ADDRESS.");
    }
    interruptible = Thread.currentThread();
    EmbeddedStack embedded =
        databaseUrl == null || temporalAddress == null
            ? startEmbedded(databaseUrl == null, temporalAddress == null)
            : null;
    interruptible = null;
    DatabaseUrl database =
        databaseUrl != null
            ? DatabaseUrl.parse(databaseUrl)
            : embeddedDatabase(Objects.requireNonNull(embedded));
    CompletableFuture<WorkflowClient> temporal = connectTemporal(temporalAddress, embedded);
    goOn();
    Database.migrate(database);

    String deployment = deployment(database);
    BackendContext context = new BackendContext(deployment, options.serverDir(), clock);
    InstalledBackends backends = new InstalledBackends(context);
    ConfigFiles files = new ConfigFiles(options);
    ServerConfig config = files.load(backends.forConfigFile());
    Encryption encryption = files.encryption(config);
    if (options.role().servesHttp()) {
      rotateKeys(database, encryption);
    }
    LogStore logs = LogStores.open(System.getenv(), options.serverDir(), database, clock);
    parts.push(logs);

    CompletableFuture<Workers> workers =
        options.role().works()
            ? temporal.thenApplyAsync(
                client -> startWorkers(client, database, encryption, context, logs))
            : CompletableFuture.completedFuture(null);
    // Closed first: it waits for a start under way, which adds parts that are closed after it.
    parts.push(() -> workers.exceptionally(_ -> null).join());
    goOn();
    Bootstrap.@Nullable Result bootstrap = null;
    if (options.role().servesHttp()) {
      bootstrap = startHttp(database, encryption, config, backends, temporal, embedded, logs);
    }
    // Until Temporal serves and the workers poll, runs are accepted and wait.
    workers.join();
    temporal.join();
    parts.push(HeapTrim.start());
    new Announcement(options, port).print(bootstrap, embedded);
    log.info("started in {} ms", (System.nanoTime() - begun) / 1_000_000);
  }

  private void makeServerDir() {
    try {
      if (!Files.isDirectory(options.serverDir())) {
        Files.createDirectories(
            options.serverDir(),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
    } catch (IOException e) {
      throw new StartupException(
          "The server's directory " + options.serverDir() + " can't be made: " + e.getMessage());
    }
  }

  private EmbeddedStack startEmbedded(boolean withDatabase, boolean withTemporal) {
    EmbeddedStack stack =
        EmbeddedStack.start(
            new EmbeddedStack.Config(
                options.serverDir(),
                EmbeddedPostgres.defaultCacheDirectory(System.getenv()),
                withDatabase ? DATABASE : null,
                withTemporal ? options.temporalNamespace() : null,
                searchAttributes(),
                Progress.log()));
    parts.push(stack);
    return stack;
  }

  private static DatabaseUrl embeddedDatabase(EmbeddedStack stack) {
    return new DatabaseUrl(stack.jdbcUrl(), stack.databaseUser(), stack.databasePassword());
  }

  private CompletableFuture<WorkflowClient> connectTemporal(
      @Nullable String address, @Nullable EmbeddedStack embedded) {
    String identity = WorkerIdentity.current().text();
    CompletableFuture<WorkflowClient> client =
        address != null
            ? connectExternal(address, identity)
            : CompletableFuture.supplyAsync(
                () ->
                    TemporalClients.connect(
                        Objects.requireNonNull(embedded).temporalAddress(),
                        options.temporalNamespace(),
                        new ServerOptions.TemporalTls(null, null, null, null, null),
                        identity,
                        prometheus.enabled() ? registry : null));
    parts.push(
        () -> {
          if (client.isDone() && !client.isCompletedExceptionally()) {
            client.join().getWorkflowServiceStubs().shutdownNow();
          }
        });
    return client;
  }

  /**
   * Whoever runs workflows sees to it that there is a namespace for them, with our search
   * attributes.
   */
  private CompletableFuture<WorkflowClient> connectExternal(String address, String identity) {
    WorkflowClient client =
        TemporalClients.connect(
            address,
            options.temporalNamespace(),
            options.temporalTls(),
            identity,
            prometheus.enabled() ? registry : null);
    if (!options.role().works()) {
      return CompletableFuture.completedFuture(client);
    }
    return CompletableFuture.supplyAsync(
        () -> {
          WorkflowServiceStubs stubs = client.getWorkflowServiceStubs();
          OperatorServiceStubs operator =
              OperatorServiceStubs.newServiceStubs(
                  OperatorServiceStubsOptions.newBuilder()
                      .setChannel(stubs.getRawChannel())
                      .validateAndBuildWithDefaults());
          new TemporalNamespace(stubs, options.temporalNamespace())
              .prepare(operator, searchAttributes());
          return client;
        });
  }

  private static Map<String, String> searchAttributes() {
    Map<String, String> attributes = new LinkedHashMap<>();
    SearchAttributes.ALL.forEach(key -> attributes.put(key.getName(), "keyword"));
    return attributes;
  }

  private String deployment(DatabaseUrl url) {
    try (Database owner = Database.open(url, DatabaseRole.OWNER, 1)) {
      return Deployment.loadOrCreate(owner, clock.instant()).toString();
    }
  }

  /** Values that an older key encrypted are written again with the first one. */
  private static void rotateKeys(DatabaseUrl url, Encryption encryption) {
    try (Database owner = Database.open(url, DatabaseRole.OWNER, 1)) {
      int count = KeyRotation.run(owner, encryption);
      if (count > 0) {
        log.info("{} stored values were encrypted again with the first key", count);
      }
    }
  }

  private Workers startWorkers(
      WorkflowClient client,
      DatabaseUrl url,
      Encryption encryption,
      BackendContext context,
      LogStore logs) {
    Database database = Database.open(url, DatabaseRole.WORKER, WORKER_CONNECTIONS);
    parts.push(database);
    WorkerSettings defaults = WorkerSettings.defaults(context.deployment(), context.serverDir());
    WorkerSettings settings =
        defaults
            .withContainers(ContainerDefaults.of(System.getenv()))
            .withLogQuota(
                Variables.number(
                    "DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR", defaults.logQuotaBytesPerHour()))
            .withEventsKept(
                Variables.seconds("DSTACK_SERVER_EVENTS_TTL_SECONDS", defaults.eventsKept()))
            .withKept(kept(defaults.kept()))
            .withCatalog(CatalogSettings.of(System.getenv()))
            .withSweepDryRun(Variables.number("DSTACK_SWEEP_DRY_RUN", 0) > 0);
    Workers workers = Workers.create(client, database, encryption, logs, clock, settings);
    workers.start();
    parts.push(workers);
    return workers;
  }

  private static Retention.Kept kept(Retention.Kept standard) {
    return new Retention.Kept(
        Variables.seconds("DSTACK_SERVER_METRICS_RUNNING_TTL_SECONDS", standard.samplesOfRunning()),
        Variables.seconds(
            "DSTACK_SERVER_METRICS_FINISHED_TTL_SECONDS", standard.samplesOfFinished()),
        Variables.seconds("DSTACK_SERVER_LOG_TTL_SECONDS", standard.logs()),
        Variables.seconds("DSTACK_SERVER_INSTANCE_HEALTH_TTL_SECONDS", standard.health()),
        Variables.seconds("DSTACK_SERVER_UPLOAD_TTL_SECONDS", standard.uploads()));
  }

  private Bootstrap.Result startHttp(
      DatabaseUrl url,
      Encryption encryption,
      ServerConfig config,
      InstalledBackends backends,
      CompletableFuture<WorkflowClient> temporal,
      @Nullable EmbeddedStack embedded,
      LogStore logs) {
    Database database = Database.open(url, DatabaseRole.API, API_CONNECTIONS);
    parts.push(database);
    Supplier<@Nullable String> uiUrl =
        () ->
            embedded == null
                ? System.getenv("TEMPORAL_UI_URL")
                : embedded.temporalIfReady().map(EmbeddedTemporal::uiUrl).orElse(null);
    HttpServer http =
        HttpServer.start(
            options,
            config,
            uiUrl,
            beans -> {
              beans.registerBean(Database.class, () -> database);
              beans.registerBean(Encryption.class, () -> encryption);
              beans.registerBean(WorkflowClient.class, () -> LateClient.of(temporal));
              beans.registerBean(LogReader.class, () -> new StoredLogReader(logs));
              beans.registerBean(PrometheusSettings.class, () -> prometheus);
              beans.registerBean(CollectorRegistry.class, () -> registry);
              beans.registerBean(BackendTypes.class, backends::forApi);
              beans.registerBean(InstantSource.class, () -> clock);
            });
    parts.push(http);
    port = http.port();
    return http.bootstrap();
  }

  /**
   * Ends all parts, those too that are just being started; what the host agent runs goes on. Safe
   * to call from another thread while the server starts.
   */
  @Override
  public void close() {
    closing = true;
    if (starting) {
      // It ends what it has begun by itself.
      Thread busy = interruptible;
      if (busy != null) {
        busy.interrupt();
      }
      awaitStartEnded();
    }
    closeParts();
  }

  private void awaitStartEnded() {
    try {
      startEnded.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeParts() {
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        log.warn("{} did not close: {}", part.getClass().getSimpleName(), e.toString());
      }
    }
  }
}
