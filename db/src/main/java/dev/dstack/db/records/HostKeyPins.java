package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.HOST_KEY;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/** The keys that hosts have shown when they were first seen. Only workers see this table. */
public final class HostKeyPins {
  private final Database database;
  private final InstantSource clock;

  public HostKeyPins(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * @param scope within which an address means one host: a fleet, or an instance of a cloud
   */
  public Optional<String> get(UUID scope, String address) {
    return database.read(
        dsl ->
            dsl.select(HOST_KEY.KEY)
                .from(HOST_KEY)
                .where(HOST_KEY.SCOPE.eq(scope), HOST_KEY.ADDRESS.eq(Clean.text(address)))
                .fetchOptional(HOST_KEY.KEY));
  }

  /** The first one counts; the one that counts is returned. */
  public String pin(UUID scope, String address, String key) {
    database.transaction(
        dsl ->
            dsl.insertInto(HOST_KEY)
                .set(HOST_KEY.SCOPE, scope)
                .set(HOST_KEY.ADDRESS, Clean.text(address))
                .set(HOST_KEY.KEY, Clean.text(key))
                .set(HOST_KEY.PINNED_AT, Clean.instant(clock.instant()))
                .onConflictDoNothing()
                .execute());
    return get(scope, address).orElse(key);
  }

  /** The host may show another key from now on; unknown is success. */
  public void forget(UUID scope, String address) {
    database.transaction(
        dsl ->
            dsl.deleteFrom(HOST_KEY)
                .where(HOST_KEY.SCOPE.eq(scope), HOST_KEY.ADDRESS.eq(Clean.text(address)))
                .execute());
  }
}
