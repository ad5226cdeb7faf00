package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.DEPLOYMENT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jooq.impl.DSL;

/** The name of this installation, part of every tag of a machine it makes. */
public final class Deployment {
  private Deployment() {}

  /**
   * Reads it, or makes it at the first start; replicas that start at once agree. Role API or OWNER.
   */
  public static UUID loadOrCreate(Database database, Instant now) {
    return database.inTransaction(
        dsl -> {
          dsl.insertInto(DEPLOYMENT)
              .set(DEPLOYMENT.ID, UUID.randomUUID())
              .set(DEPLOYMENT.CREATED_AT, Clean.instant(now))
              .onConflict(DEPLOYMENT.ONLY_ONE)
              .doNothing()
              .execute();
          return dsl.select(DEPLOYMENT.ID)
              .from(DEPLOYMENT)
              .fetchOptional(DEPLOYMENT.ID)
              .orElseThrow();
        });
  }

  /** For a worker, which may not make one. */
  public static Optional<UUID> load(Database database) {
    return database.read(
        dsl ->
            dsl.select(DEPLOYMENT.ID)
                .from(DEPLOYMENT)
                .limit(DSL.inline(1))
                .fetchOptional(DEPLOYMENT.ID));
  }
}
