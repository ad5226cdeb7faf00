package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.USER_PUBLIC_KEY;

import dev.dstack.db.Database;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jooq.Record;

/** Public SSH keys that users have added to the one the server made. */
public final class PublicKeyStore {
  private final Database database;

  public PublicKeyStore(Database database) {
    this.database = database;
  }

  public record StoredKey(UUID id, Instant addedAt, String name, String type, String fingerprint) {}

  /** Newest first. */
  public List<StoredKey> list(UserId user) {
    return database.read(
        dsl ->
            dsl.selectFrom(USER_PUBLIC_KEY)
                .where(USER_PUBLIC_KEY.USER_ID.eq(user.value()))
                .orderBy(USER_PUBLIC_KEY.ADDED_AT.desc(), USER_PUBLIC_KEY.ID.desc())
                .fetch(PublicKeyStore::read));
  }

  /**
   * @throws DstackException NAME_TAKEN when the user has this key already
   */
  public void add(UserId user, String username, StoredKey key, String text) {
    database.transaction(
        dsl -> {
          int added =
              dsl.insertInto(USER_PUBLIC_KEY)
                  .set(USER_PUBLIC_KEY.ID, key.id())
                  .set(USER_PUBLIC_KEY.USER_ID, user.value())
                  .set(USER_PUBLIC_KEY.ADDED_AT, key.addedAt())
                  .set(USER_PUBLIC_KEY.NAME, key.name())
                  .set(USER_PUBLIC_KEY.TYPE, key.type())
                  .set(USER_PUBLIC_KEY.FINGERPRINT, key.fingerprint())
                  .set(USER_PUBLIC_KEY.KEY, text)
                  .onConflictDoNothing()
                  .execute();
          if (added == 0) {
            throw new DstackException(
                ErrorKind.NAME_TAKEN, "The key " + key.fingerprint() + " was added before");
          }
          AuditLog.record(
              dsl,
              key.addedAt(),
              "Public key added: " + key.fingerprint(),
              user,
              AuditLog.user(user, username));
        });
  }

  /** Ids of others, or unknown ones, are passed over. */
  public void delete(UserId user, String username, Collection<UUID> ids, Instant now) {
    database.transaction(
        dsl ->
            dsl.deleteFrom(USER_PUBLIC_KEY)
                .where(USER_PUBLIC_KEY.USER_ID.eq(user.value()))
                .and(USER_PUBLIC_KEY.ID.in(ids))
                .returning()
                .fetch(PublicKeyStore::read)
                .forEach(
                    key ->
                        AuditLog.record(
                            dsl,
                            now,
                            "Public key deleted: " + key.fingerprint(),
                            user,
                            AuditLog.user(user, username))));
  }

  private static StoredKey read(Record row) {
    return new StoredKey(
        row.get(USER_PUBLIC_KEY.ID),
        row.get(USER_PUBLIC_KEY.ADDED_AT),
        row.get(USER_PUBLIC_KEY.NAME),
        row.get(USER_PUBLIC_KEY.TYPE),
        row.get(USER_PUBLIC_KEY.FINGERPRINT));
  }
}
