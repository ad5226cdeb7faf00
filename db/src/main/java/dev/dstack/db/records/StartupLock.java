package dev.dstack.db.records;

import dev.dstack.db.Database;
import java.util.function.Supplier;

/** Lets one server at a time set up what is there only once. */
public final class StartupLock {
  private StartupLock() {}

  /** Waits for its turn. The work uses connections of its own, so the pool needs two. */
  public static <T> T hold(Database database, Supplier<T> work) {
    return database.inTransaction(
        dsl -> {
          dsl.execute("SELECT pg_advisory_xact_lock(hashtext('dstack-startup'))");
          return work.get();
        });
  }
}
