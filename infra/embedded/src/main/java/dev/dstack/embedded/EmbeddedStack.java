package dev.dstack.embedded;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL and Temporal as one server needs them, in its directory, under its lock.
 *
 * <p>{@link #start} returns as soon as PostgreSQL serves; Temporal comes up in the background, as
 * it takes longer and is needed later. What an earlier server left running when it was killed is
 * taken over. {@link #close} ends all in order; the caller sees to it that this happens after its
 * own parts are closed. If the process is killed, the parts go on and the next start finds them.
 */
public final class EmbeddedStack implements AutoCloseable {
  /**
   * @param database created if it is missing; null where PostgreSQL is needed for Temporal only
   * @param namespace of Temporal; null starts no Temporal
   * @param searchAttributes names and types; the type is one of keyword, keyword_list, text, int,
   *     double, bool, datetime
   */
  public record Config(
      Path serverDirectory,
      Path cacheDirectory,
      @Nullable String database,
      @Nullable String namespace,
      Map<String, String> searchAttributes,
      Progress progress) {
    public Config {
      serverDirectory = serverDirectory.toAbsolutePath().normalize();
      cacheDirectory = cacheDirectory.toAbsolutePath().normalize();
      searchAttributes = Map.copyOf(searchAttributes);
    }
  }

  private final Config config;
  private final ServerLock lock;
  private final EmbeddedPostgres postgres;
  private final CompletableFuture<EmbeddedTemporal> temporal;
  private final Instant startedAt = Instant.now();
  private boolean closed;

  private EmbeddedStack(
      Config config,
      ServerLock lock,
      EmbeddedPostgres postgres,
      CompletableFuture<EmbeddedTemporal> temporal) {
    this.config = config;
    this.lock = lock;
    this.postgres = postgres;
    this.temporal = temporal;
  }

  /**
   * Starts the parts.
   *
   * @throws EmbeddedException with a message for the user: another server uses the directory, a
   *     program cannot be obtained, a part does not start
   */
  public static EmbeddedStack start(Config config) {
    ServerLock lock = ServerLock.take(config.serverDirectory());
    EmbeddedPostgres postgres = null;
    boolean done = false;
    try {
      RuntimeFile runtime = RuntimeFile.open(config.serverDirectory().resolve("runtime.json"));
      String namespace = config.namespace();
      // Obtained first: a server that lacks them should say so before it does anything.
      TemporalBinaries binaries =
          namespace == null
              ? null
              : TemporalBinaries.obtain(
                  config.cacheDirectory(), System.getenv(), config.progress());
      EmbeddedPostgres started =
          EmbeddedPostgres.start(
              config.serverDirectory(), config.cacheDirectory(), runtime, config.progress());
      postgres = started;
      String database = config.database();
      if (database != null) {
        started.createDatabase(database);
      }
      CompletableFuture<EmbeddedTemporal> temporal = new CompletableFuture<>();
      if (namespace == null || binaries == null) {
        temporal.completeExceptionally(
            new EmbeddedException("This server was started without an embedded Temporal."));
      } else {
        Thread.ofPlatform()
            .daemon()
            .name("start-temporal")
            .start(
                () -> {
                  try {
                    temporal.complete(
                        EmbeddedTemporal.start(
                            config.serverDirectory(),
                            binaries,
                            started,
                            namespace,
                            config.searchAttributes(),
                            runtime,
                            config.progress()));
                  } catch (RuntimeException | Error e) {
                    temporal.completeExceptionally(e);
                  }
                });
      }
      done = true;
      return new EmbeddedStack(config, lock, started, temporal);
    } finally {
      if (!done) {
        if (postgres != null) {
          postgres.close();
        }
        lock.close();
      }
    }
  }

  /**
   * Ends what a killed server has left running in its directory, Temporal before PostgreSQL.
   *
   * @return how many processes that were
   * @throws EmbeddedException if a server uses the directory
   */
  public static int stopLeftovers(Path serverDirectory) {
    ServerLock lock = ServerLock.take(serverDirectory);
    try {
      return EmbeddedTemporal.stopLeftovers(serverDirectory)
          + EmbeddedPostgres.stopLeftovers(serverDirectory);
    } finally {
      lock.close();
    }
  }

  public EmbeddedPostgres postgres() {
    return postgres;
  }

  /** Of the database named in the configuration, or of PostgreSQL's own; without credentials. */
  public String jdbcUrl() {
    String database = config.database();
    return postgres.jdbcUrl(database == null ? "postgres" : database);
  }

  public String databaseUser() {
    return postgres.user();
  }

  public String databasePassword() {
    return postgres.password();
  }

  /** Temporal, as soon as it serves; throws what kept it from starting. */
  public EmbeddedTemporal awaitTemporal() {
    try {
      return temporal.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof EmbeddedException problem) {
        throw problem;
      }
      throw new EmbeddedException("Temporal did not start: " + e.getCause(), e);
    }
  }

  /** {@code host:port}; waits for Temporal to serve. */
  public String temporalAddress() {
    return awaitTemporal().address();
  }

  /** The base of the Web UI's addresses; waits for Temporal to serve. */
  public String temporalUiUrl() {
    return awaitTemporal().uiUrl();
  }

  /** Temporal if it serves already; does not wait. */
  public Optional<EmbeddedTemporal> temporalIfReady() {
    return temporal.isDone() && !temporal.isCompletedExceptionally()
        ? Optional.of(temporal.join())
        : Optional.empty();
  }

  /** One entry for each part, for a health page. */
  public List<PartStatus> status() {
    List<PartStatus> parts = new ArrayList<>(List.of(postgres.status()));
    Optional<EmbeddedTemporal> ready = temporalIfReady();
    if (ready.isPresent()) {
      parts.addAll(ready.get().status());
    } else if (config.namespace() != null) {
      Throwable problem = temporal.isDone() ? temporal.exceptionNow() : null;
      String message = problem == null ? null : problem.getMessage();
      parts.add(
          new PartStatus(
              "Temporal",
              problem == null ? PartStatus.State.STARTING : PartStatus.State.STOPPED,
              TemporalBinaries.SERVER_VERSION,
              0,
              0,
              0,
              startedAt,
              message == null ? "" : message,
              config.serverDirectory().resolve("logs/temporal.log")));
    }
    return parts;
  }

  /** For tests: leaves the processes as a killed server does, and the directory to the next one. */
  void abandon() {
    temporalIfReady().ifPresent(EmbeddedTemporal::abandon);
    postgres.abandon();
    lock.close();
  }

  /** Ends the Web UI and Temporal, then PostgreSQL. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      // One that is still starting comes to its end first; nothing may be left running.
      awaitTemporal().close();
    } catch (EmbeddedException e) {
      // It did not start, and has cleaned up behind itself.
    } finally {
      postgres.close();
      lock.close();
    }
  }
}
