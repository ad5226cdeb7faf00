package dev.dstack.db;

import dev.dstack.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.util.concurrent.atomic.AtomicInteger;

/** One PostgreSQL for the tests of a JVM, and a fresh migrated database for whoever asks. */
public final class TestDatabase {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final EmbeddedPostgres POSTGRES = start();

  private TestDatabase() {}

  public static DatabaseUrl empty() {
    String name = "test_" + NUMBER.incrementAndGet();
    POSTGRES.createDatabase(name);
    return DatabaseUrl.parse(
        "postgresql+asyncpg://%s:%s@%s:%d/%s"
            .formatted(
                POSTGRES.user(), POSTGRES.password(), POSTGRES.host(), POSTGRES.port(), name));
  }

  public static DatabaseUrl migrated() {
    DatabaseUrl url = empty();
    Database.migrate(url);
    return url;
  }

  static EmbeddedPostgres cluster() {
    return POSTGRES;
  }

  static EmbeddedPostgres start() {
    try {
      // It removes its directory itself when this JVM ends.
      return EmbeddedPostgres.startTemporary(Files.createTempDirectory("dstack-db-test"));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
