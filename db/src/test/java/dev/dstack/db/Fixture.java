package dev.dstack.db;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.UUID;

/** A migrated database with a user and projects, and a pool for each role. */
public final class Fixture implements AutoCloseable {
  public static final Instant START = Instant.parse("2026-11-20T10:00:00Z");

  public final DatabaseUrl url = TestDatabase.migrated();
  public final Database api = Database.open(url, DatabaseRole.API, 8);
  public final Database worker = Database.open(url, DatabaseRole.WORKER, 8);
  public final Database owner = Database.open(url, DatabaseRole.OWNER, 2);
  public final UserId user = user("admin");
  public final ProjectId project = project("main");

  public UserId user(String name) {
    UserId id = new UserId(UUID.randomUUID());
    api.dsl()
        .insertInto(USER_ACCOUNT)
        .set(USER_ACCOUNT.ID, id.value())
        .set(USER_ACCOUNT.USERNAME, name)
        .set(USER_ACCOUNT.GLOBAL_ROLE, "admin")
        .set(USER_ACCOUNT.CREATED_AT, START)
        .set(USER_ACCOUNT.TOKEN_HASH, name)
        .set(USER_ACCOUNT.TOKEN_ENCRYPTED, "enc:identity:noname:" + name)
        .execute();
    return id;
  }

  public ProjectId project(String name) {
    ProjectId id = new ProjectId(UUID.randomUUID());
    api.dsl()
        .insertInto(PROJECT)
        .set(PROJECT.ID, id.value())
        .set(PROJECT.NAME, name)
        .set(PROJECT.OWNER_ID, user.value())
        .set(PROJECT.CREATED_AT, START)
        .execute();
    return id;
  }

  @Override
  public void close() {
    api.close();
    worker.close();
    owner.close();
  }
}
