package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.FILE_ARCHIVE;

import dev.dstack.db.Database;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;

/** Archives of local files, by user and hash. */
public final class FileStore {
  private final Database database;

  public FileStore(Database database) {
    this.database = database;
  }

  /** Who asks for an archive is about to use it, so it is kept for a while. */
  public Optional<UUID> byHash(UserId user, String hash) {
    return used(FILE_ARCHIVE.USER_ID.eq(user.value()).and(FILE_ARCHIVE.HASH.eq(hash))).stream()
        .findFirst();
  }

  /** Those of the ids that are archives of this user; they are kept for a while. */
  public Set<UUID> owned(UserId user, Collection<UUID> ids) {
    return new HashSet<>(used(FILE_ARCHIVE.USER_ID.eq(user.value()).and(FILE_ARCHIVE.ID.in(ids))));
  }

  private List<UUID> used(Condition which) {
    return database.inTransaction(
        dsl -> {
          dsl.update(FILE_ARCHIVE)
              .set(FILE_ARCHIVE.USED_AT, Uses.now())
              .where(which, Uses.longAgo(FILE_ARCHIVE.USED_AT))
              .execute();
          return dsl.select(FILE_ARCHIVE.ID).from(FILE_ARCHIVE).where(which).fetch(FILE_ARCHIVE.ID);
        });
  }

  /** The archive's id; the same archive again keeps its first one. */
  public UUID save(UserId user, String hash, byte[] blob, Instant now) {
    database.transaction(
        dsl ->
            dsl.insertInto(FILE_ARCHIVE)
                .set(FILE_ARCHIVE.ID, UUID.randomUUID())
                .set(FILE_ARCHIVE.USER_ID, user.value())
                .set(FILE_ARCHIVE.HASH, hash)
                .set(FILE_ARCHIVE.BLOB, blob)
                .set(FILE_ARCHIVE.CREATED_AT, now)
                .onConflictDoNothing()
                .execute());
    return byHash(user, hash)
        .orElseThrow(() -> new IllegalStateException("the archive that was just stored is gone"));
  }

  /** An archive with its hash, for sending it to a host. */
  public record StoredArchive(String hash, byte[] blob) {}

  public Optional<StoredArchive> content(UUID id) {
    return database.read(
        dsl ->
            dsl.select(FILE_ARCHIVE.HASH, FILE_ARCHIVE.BLOB)
                .from(FILE_ARCHIVE)
                .where(FILE_ARCHIVE.ID.eq(id))
                .fetchOptional(row -> new StoredArchive(row.value1(), row.value2())));
  }

  /** The hash alone: most archives are on the host already. */
  public Optional<String> hash(UUID id) {
    return database.read(
        dsl ->
            dsl.select(FILE_ARCHIVE.HASH)
                .from(FILE_ARCHIVE)
                .where(FILE_ARCHIVE.ID.eq(id))
                .fetchOptional(FILE_ARCHIVE.HASH));
  }
}
