package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.BACKEND;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jooq.DSLContext;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The backends of projects. Credentials are kept apart from the configuration, encrypted. */
public final class BackendStore {
  /** Who has the say over an entry. */
  public enum Source {
    /** config.yml: the next start of a server sets it again. */
    FILE("file"),
    API("api");

    private final String word;

    Source(String word) {
      this.word = word;
    }
  }

  private final Database database;
  private final Encryption encryption;

  public BackendStore(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  /**
   * @param config without credentials
   * @param credentials absent for backends that need none; in clear, never logged
   */
  public record StoredBackend(
      String type, JsonNode config, @Nullable JsonNode credentials, Source source) {
    private static final String CREDENTIALS = "creds";

    /** An entry as its writer gave it, with its credentials put apart. */
    public static StoredBackend of(String type, JsonNode entry, Source source) {
      if (!(entry.get(CREDENTIALS) instanceof ObjectNode creds)) {
        return new StoredBackend(type, entry, null, source);
      }
      ObjectNode config = (ObjectNode) entry.deepCopy();
      config.remove(CREDENTIALS);
      ObjectNode apart = Json.lenient().createObjectNode();
      apart.set(CREDENTIALS, creds);
      return new StoredBackend(type, config, apart, source);
    }

    /** As {@link #of} got it: for those who may see the credentials. */
    public JsonNode entry() {
      if (credentials == null) {
        return config;
      }
      ObjectNode entry = (ObjectNode) config.deepCopy();
      entry.setAll((ObjectNode) credentials);
      return entry;
    }

    @Override
    public String toString() {
      return "StoredBackend[" + type + ", " + config + ", ***]";
    }
  }

  public List<StoredBackend> list(ProjectId project) {
    return database.read(
        dsl ->
            dsl.selectFrom(BACKEND)
                .where(BACKEND.PROJECT_ID.eq(project.value()))
                .orderBy(BACKEND.TYPE)
                .fetch(this::read));
  }

  public Optional<StoredBackend> get(ProjectId project, String type) {
    return database.read(
        dsl ->
            dsl.selectFrom(BACKEND)
                .where(BACKEND.PROJECT_ID.eq(project.value()))
                .and(BACKEND.TYPE.eq(type))
                .fetchOptional(this::read));
  }

  /** False: there is one of this type already. */
  public boolean create(ProjectId project, StoredBackend backend, Instant now) {
    return database.inTransaction(dsl -> insert(dsl, project, backend, now));
  }

  /** False: there is none of this type. */
  public boolean update(ProjectId project, StoredBackend backend, Instant now) {
    return database.inTransaction(dsl -> change(dsl, project, backend, now));
  }

  public void save(ProjectId project, StoredBackend backend, Instant now) {
    database.transaction(dsl -> save(dsl, project, backend, now));
  }

  void save(DSLContext dsl, ProjectId project, StoredBackend backend, Instant now) {
    if (!change(dsl, project, backend, now)) {
      insert(dsl, project, backend, now);
    }
  }

  private boolean insert(DSLContext dsl, ProjectId project, StoredBackend backend, Instant now) {
    return dsl.insertInto(BACKEND)
            .set(BACKEND.PROJECT_ID, project.value())
            .set(BACKEND.TYPE, backend.type())
            .set(BACKEND.CONFIG, JSONB.valueOf(backend.config().toString()))
            .set(BACKEND.AUTH_ENCRYPTED, encrypted(backend))
            .set(BACKEND.SOURCE, backend.source().word)
            .set(BACKEND.CREATED_AT, now)
            .set(BACKEND.UPDATED_AT, now)
            .onConflictDoNothing()
            .execute()
        == 1;
  }

  private boolean change(DSLContext dsl, ProjectId project, StoredBackend backend, Instant now) {
    return dsl.update(BACKEND)
            .set(BACKEND.CONFIG, JSONB.valueOf(backend.config().toString()))
            .set(BACKEND.AUTH_ENCRYPTED, encrypted(backend))
            .set(BACKEND.SOURCE, backend.source().word)
            .set(BACKEND.UPDATED_AT, now)
            .where(BACKEND.PROJECT_ID.eq(project.value()))
            .and(BACKEND.TYPE.eq(backend.type()))
            .execute()
        == 1;
  }

  /** Unknown types are passed over. */
  public void delete(ProjectId project, Collection<String> types) {
    database.transaction(
        dsl ->
            dsl.deleteFrom(BACKEND)
                .where(BACKEND.PROJECT_ID.eq(project.value()))
                .and(BACKEND.TYPE.in(types))
                .execute());
  }

  private @Nullable String encrypted(StoredBackend backend) {
    JsonNode credentials = backend.credentials();
    return credentials == null ? null : encryption.encrypt(credentials.toString());
  }

  private StoredBackend read(Record row) {
    String auth = row.get(BACKEND.AUTH_ENCRYPTED);
    return new StoredBackend(
        row.get(BACKEND.TYPE),
        Json.lenient().readTree(row.get(BACKEND.CONFIG).data()),
        auth == null ? null : Json.lenient().readTree(encryption.decrypt(auth)),
        row.get(BACKEND.SOURCE).equals(Source.FILE.word) ? Source.FILE : Source.API);
  }
}
