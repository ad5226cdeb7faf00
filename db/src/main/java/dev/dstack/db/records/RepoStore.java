package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.CODE_BLOB;
import static dev.dstack.db.jooq.generated.records.Tables.REPO;
import static dev.dstack.db.jooq.generated.records.Tables.REPO_CREDS;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.repo.RemoteRepoCreds;
import dev.dstack.model.wire.repo.RepoHead;
import dev.dstack.model.wire.repo.RepoInfo;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.JSONB;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Repositories of projects, the credentials of each user for them, and uploaded diffs by hash. */
public final class RepoStore {
  private final Database database;
  private final Encryption encryption;

  public RepoStore(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  public List<RepoHead> list(ProjectId project) {
    return database.read(
        dsl ->
            dsl.select(REPO.REPO_ID, REPO.INFO)
                .from(REPO)
                .where(REPO.PROJECT_ID.eq(project.value()))
                .orderBy(REPO.CREATED_AT)
                .fetch(row -> new RepoHead(row.value1(), info(row.value2()))));
  }

  public Optional<RepoHead> get(ProjectId project, String repoId) {
    return database.read(
        dsl ->
            dsl.select(REPO.REPO_ID, REPO.INFO)
                .from(REPO)
                .where(REPO.PROJECT_ID.eq(project.value()))
                .and(REPO.REPO_ID.eq(repoId))
                .fetchOptional(row -> new RepoHead(row.value1(), info(row.value2()))));
  }

  public Optional<RemoteRepoCreds> credentials(ProjectId project, String repoId, UserId user) {
    return database.read(
        dsl ->
            dsl.select(REPO_CREDS.INFO_ENCRYPTED)
                .from(REPO_CREDS)
                .join(REPO)
                .on(REPO.ID.eq(REPO_CREDS.REPO))
                .where(REPO.PROJECT_ID.eq(project.value()))
                .and(REPO.REPO_ID.eq(repoId))
                .and(REPO_CREDS.USER_ID.eq(user.value()))
                .fetchOptional(
                    row ->
                        Json.lenient()
                            .readValue(encryption.decrypt(row.value1()), RemoteRepoCreds.class)));
  }

  /**
   * Makes it or changes it.
   *
   * @param credentials absent: those of this user are forgotten
   */
  public void init(
      ProjectId project,
      String repoId,
      RepoInfo info,
      UserId user,
      @Nullable RemoteRepoCreds credentials,
      Instant now) {
    JSONB json = JSONB.valueOf(Json.lenient().writeValueAsString(info));
    database.transaction(
        dsl -> {
          UUID id =
              dsl.insertInto(REPO)
                  .set(REPO.ID, UUID.randomUUID())
                  .set(REPO.PROJECT_ID, project.value())
                  .set(REPO.REPO_ID, repoId)
                  .set(REPO.INFO, json)
                  .set(REPO.CREATED_AT, now)
                  .onConflict(REPO.PROJECT_ID, REPO.REPO_ID)
                  .doUpdate()
                  .set(REPO.INFO, json)
                  .returningResult(REPO.ID)
                  .fetchSingle()
                  .value1();
          if (credentials == null) {
            dsl.deleteFrom(REPO_CREDS)
                .where(REPO_CREDS.REPO.eq(id))
                .and(REPO_CREDS.USER_ID.eq(user.value()))
                .execute();
            return;
          }
          String encrypted = encryption.encrypt(Json.lenient().writeValueAsString(credentials));
          dsl.insertInto(REPO_CREDS)
              .set(REPO_CREDS.REPO, id)
              .set(REPO_CREDS.USER_ID, user.value())
              .set(REPO_CREDS.INFO_ENCRYPTED, encrypted)
              .set(REPO_CREDS.UPDATED_AT, now)
              .onConflict(REPO_CREDS.REPO, REPO_CREDS.USER_ID)
              .doUpdate()
              .set(REPO_CREDS.INFO_ENCRYPTED, encrypted)
              .set(REPO_CREDS.UPDATED_AT, now)
              .execute();
        });
  }

  /** Makes it when it is not there, and changes nothing when it is. */
  public void ensure(ProjectId project, String repoId, RepoInfo info, Instant now) {
    database.transaction(
        dsl ->
            dsl.insertInto(REPO)
                .set(REPO.ID, UUID.randomUUID())
                .set(REPO.PROJECT_ID, project.value())
                .set(REPO.REPO_ID, repoId)
                .set(REPO.INFO, JSONB.valueOf(Json.lenient().writeValueAsString(info)))
                .set(REPO.CREATED_AT, now)
                .onConflictDoNothing()
                .execute());
  }

  /** Unknown ones are passed over. */
  public void delete(ProjectId project, Collection<String> repoIds) {
    database.transaction(
        dsl ->
            dsl.deleteFrom(REPO)
                .where(REPO.PROJECT_ID.eq(project.value()))
                .and(REPO.REPO_ID.in(repoIds))
                .execute());
  }

  /** Who asks for it is about to use it, so it is kept for a while. */
  public boolean hasCode(ProjectId project, String repoId, String hash) {
    Condition which =
        CODE_BLOB
            .HASH
            .eq(hash)
            .and(
                CODE_BLOB.REPO.in(
                    DSL.select(REPO.ID)
                        .from(REPO)
                        .where(REPO.PROJECT_ID.eq(project.value()))
                        .and(REPO.REPO_ID.eq(repoId))));
    return database.inTransaction(
        dsl -> {
          use(dsl, which);
          return dsl.fetchExists(DSL.selectOne().from(CODE_BLOB).where(which));
        });
  }

  private static void use(DSLContext dsl, Condition which) {
    dsl.update(CODE_BLOB)
        .set(CODE_BLOB.USED_AT, Uses.now())
        .where(which, Uses.longAgo(CODE_BLOB.USED_AT))
        .execute();
  }

  /** What was uploaded under this hash. */
  public Optional<byte[]> code(ProjectId project, String repoId, String hash) {
    return database.read(
        dsl ->
            dsl.select(CODE_BLOB.BLOB)
                .from(CODE_BLOB)
                .join(REPO)
                .on(REPO.ID.eq(CODE_BLOB.REPO))
                .where(REPO.PROJECT_ID.eq(project.value()))
                .and(REPO.REPO_ID.eq(repoId))
                .and(CODE_BLOB.HASH.eq(hash))
                .fetchOptional(CODE_BLOB.BLOB));
  }

  /** False: there is no such repository. The same hash again changes nothing. */
  public boolean saveCode(ProjectId project, String repoId, String hash, byte[] blob, Instant now) {
    return database.inTransaction(
        dsl -> {
          UUID repo =
              dsl.select(REPO.ID)
                  .from(REPO)
                  .where(REPO.PROJECT_ID.eq(project.value()))
                  .and(REPO.REPO_ID.eq(repoId))
                  .fetchOne(REPO.ID);
          if (repo == null) {
            return false;
          }
          dsl.insertInto(CODE_BLOB)
              .set(CODE_BLOB.REPO, repo)
              .set(CODE_BLOB.HASH, hash)
              .set(CODE_BLOB.BLOB, blob)
              .set(CODE_BLOB.CREATED_AT, now)
              .onConflictDoNothing()
              .execute();
          use(dsl, CODE_BLOB.REPO.eq(repo).and(CODE_BLOB.HASH.eq(hash)));
          return true;
        });
  }

  private static RepoInfo info(JSONB json) {
    return Json.lenient().readValue(json.data(), RepoInfo.class);
  }
}
