package dev.dstack.activities;

import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.host.Logins;
import dev.dstack.backends.BackendContext;
import dev.dstack.db.Database;
import dev.dstack.db.DatabaseRole;
import dev.dstack.db.DatabaseUrl;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.db.log.FileLogStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.HostKeyPins;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.RunOutbox;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.embedded.EmbeddedPostgres;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A migrated database with a user and a project, and a directory for the server's files. */
public final class Fixture implements AutoCloseable {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final EmbeddedPostgres POSTGRES = start();

  public final DatabaseUrl url;
  public final Database api;
  public final Database worker;
  public final Encryption encryption =
      Encryption.of(List.of(new EncryptionKey.Aes("test", new byte[32])));
  public final InstantSource clock = InstantSource.system();
  public final RunSubmissions runs;
  public final RunOutbox outbox;
  public final Path serverDir;
  public final FileLogStore logs;
  public final UserId user = new UserId(UUID.randomUUID());
  public final ProjectId project = new ProjectId(UUID.randomUUID());

  public Fixture() {
    String name = "test_" + NUMBER.incrementAndGet();
    POSTGRES.createDatabase(name);
    url =
        DatabaseUrl.parse(
            "postgresql://%s:%s@%s:%d/%s"
                .formatted(
                    POSTGRES.user(), POSTGRES.password(), POSTGRES.host(), POSTGRES.port(), name));
    Database.migrate(url);
    api = Database.open(url, DatabaseRole.API, 4);
    worker = Database.open(url, DatabaseRole.WORKER, 8);
    runs = new RunSubmissions(api, encryption, clock);
    outbox = new RunOutbox(api, clock);
    serverDir = temporary("dstack-activities-test");
    logs = new FileLogStore(serverDir, 0);
    sql(
        "insert into records.user_account (id, username, global_role, created_at, token_hash, token_encrypted)"
            + " values ('"
            + user
            + "', 'admin', 'admin', now(), 'h', 'enc:identity:noname:t')");
    sql(
        "insert into records.project (id, name, owner_id, created_at)"
            + " values ('"
            + project
            + "', 'main', '"
            + user
            + "', now())");
  }

  public void sql(String statement) {
    try (Connection connection = api.dataSource().getConnection();
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  public BackendContext context() {
    return new BackendContext("test", serverDir, clock);
  }

  /** Nobody logs in to anything. */
  public Hosts hosts() {
    return new Hosts(
        null,
        new InstanceMachines(worker, encryption, clock),
        new HostKeyPins(worker, clock),
        new Logins(new Fleets(worker, encryption, clock), new ProjectStore(worker, encryption)),
        context().deployment());
  }

  /** Waits for a level, not for an edge; says what it waited for when it gives up. */
  public static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("waited a minute for: " + what);
      }
      LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
    }
  }

  private static EmbeddedPostgres start() {
    try {
      // It removes its directory itself when this JVM ends.
      return EmbeddedPostgres.startTemporary(Files.createTempDirectory("dstack-activities-pg"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A directory that is gone when this JVM is: what tests have started may write to it till then.
   */
  public static Path temporary(String prefix) {
    try {
      Path directory = Files.createTempDirectory(prefix);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      System.err.println("Left behind: " + directory + ": " + e);
    }
  }

  @Override
  public void close() {
    api.close();
    worker.close();
  }
}
