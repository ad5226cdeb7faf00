package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.SECRET;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jooq.DSLContext;

/** Secrets of projects; values are encrypted and told only one at a time. */
public final class SecretStore {
  private final Database database;
  private final Encryption encryption;

  public SecretStore(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  public record StoredName(UUID id, String name) {}

  public record StoredSecret(UUID id, String name, String value) {
    @Override
    public String toString() {
      return "StoredSecret[" + name + ", ***]";
    }
  }

  /** Newest first, without values. */
  public List<StoredName> list(ProjectId project) {
    return database.read(
        dsl ->
            dsl.select(SECRET.ID, SECRET.NAME)
                .from(SECRET)
                .where(SECRET.PROJECT_ID.eq(project.value()))
                .orderBy(SECRET.CREATED_AT.desc(), SECRET.ID.desc())
                .fetch(row -> new StoredName(row.value1(), row.value2())));
  }

  public Optional<StoredSecret> get(ProjectId project, String name) {
    return database.read(
        dsl ->
            dsl.select(SECRET.ID, SECRET.VALUE_ENCRYPTED)
                .from(SECRET)
                .where(SECRET.PROJECT_ID.eq(project.value()))
                .and(SECRET.NAME.eq(name))
                .fetchOptional(
                    row -> new StoredSecret(row.value1(), name, encryption.decrypt(row.value2()))));
  }

  public UUID save(ProjectId project, String name, String value, Instant now, UserId actor) {
    String encrypted = encryption.encrypt(value);
    return database.inTransaction(
        dsl -> {
          UUID fresh = UUID.randomUUID();
          int added =
              dsl.insertInto(SECRET)
                  .set(SECRET.ID, fresh)
                  .set(SECRET.PROJECT_ID, project.value())
                  .set(SECRET.NAME, name)
                  .set(SECRET.VALUE_ENCRYPTED, encrypted)
                  .set(SECRET.CREATED_AT, now)
                  .set(SECRET.UPDATED_AT, now)
                  .onConflictDoNothing()
                  .execute();
          if (added == 1) {
            record(dsl, "Secret created", project, fresh, name, now, actor);
            return fresh;
          }
          UUID id =
              dsl.update(SECRET)
                  .set(SECRET.VALUE_ENCRYPTED, encrypted)
                  .set(SECRET.UPDATED_AT, now)
                  .where(SECRET.PROJECT_ID.eq(project.value()))
                  .and(SECRET.NAME.eq(name))
                  .returningResult(SECRET.ID)
                  .fetchSingle()
                  .value1();
          record(dsl, "Secret updated", project, id, name, now, actor);
          return id;
        });
  }

  /**
   * All of them or none.
   *
   * @throws DstackException NOT_FOUND
   */
  public void delete(ProjectId project, Collection<String> names, Instant now, UserId actor) {
    database.transaction(
        dsl -> {
          Set<String> missing = new TreeSet<>(names);
          dsl.deleteFrom(SECRET)
              .where(SECRET.PROJECT_ID.eq(project.value()))
              .and(SECRET.NAME.in(names))
              .returningResult(SECRET.ID, SECRET.NAME)
              .fetch()
              .forEach(
                  row -> {
                    missing.remove(row.value2());
                    record(dsl, "Secret deleted", project, row.value1(), row.value2(), now, actor);
                  });
          if (!missing.isEmpty()) {
            throw new DstackException(
                ErrorKind.NOT_FOUND, "No such secrets: " + String.join(", ", missing));
          }
        });
  }

  private static void record(
      DSLContext dsl,
      String message,
      ProjectId project,
      UUID id,
      String name,
      Instant now,
      UserId actor) {
    AuditLog.record(dsl, now, message, actor, new NewEvent.Target("secret", id, name, project));
  }
}
