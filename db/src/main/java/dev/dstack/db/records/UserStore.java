package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT_MEMBER;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.GlobalRole;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Users with their tokens and SSH keys. Deleted ones are never found. */
public final class UserStore {
  /** The user that the first start makes and that can't be deleted. */
  public static final String ADMIN = "admin";

  static final List<SelectField<?>> COLUMNS =
      List.of(
          USER_ACCOUNT.ID,
          USER_ACCOUNT.USERNAME,
          USER_ACCOUNT.GLOBAL_ROLE,
          USER_ACCOUNT.EMAIL,
          USER_ACCOUNT.ACTIVE,
          USER_ACCOUNT.CREATED_AT,
          USER_ACCOUNT.SSH_PUBLIC_KEY);

  private final Database database;
  private final Encryption encryption;

  public UserStore(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  public record StoredUser(
      UserId id,
      String username,
      GlobalRole globalRole,
      @Nullable String email,
      boolean active,
      Instant createdAt,
      @Nullable String sshPublicKey) {}

  /** In clear. Never logged. */
  public record Credentials(String token, @Nullable String sshPrivateKey) {
    @Override
    public String toString() {
      return "Credentials[***]";
    }
  }

  public record SshKeyPair(String publicKey, String privateKey) {
    @Override
    public String toString() {
      return "SshKeyPair[" + publicKey + ", ***]";
    }
  }

  public record NewUser(
      UserId id,
      String username,
      GlobalRole globalRole,
      @Nullable String email,
      boolean active,
      String token,
      String tokenHash,
      SshKeyPair sshKey) {
    @Override
    public String toString() {
      return "NewUser[" + username + "]";
    }
  }

  public Optional<StoredUser> activeByTokenHash(String hash) {
    return database.read(
        dsl ->
            dsl.select(COLUMNS)
                .from(USER_ACCOUNT)
                .where(USER_ACCOUNT.TOKEN_HASH.eq(hash))
                .and(USER_ACCOUNT.ACTIVE)
                .and(USER_ACCOUNT.DELETED_AT.isNull())
                .fetchOptional(UserStore::read));
  }

  public Optional<StoredUser> byName(String username) {
    return database.read(dsl -> byName(dsl, username));
  }

  static Optional<StoredUser> byName(DSLContext dsl, String username) {
    return dsl.select(COLUMNS)
        .from(USER_ACCOUNT)
        .where(USER_ACCOUNT.USERNAME.eq(username))
        .and(USER_ACCOUNT.DELETED_AT.isNull())
        .fetchOptional(UserStore::read);
  }

  public Credentials credentials(UserId user) {
    return database.read(
        dsl ->
            dsl.select(USER_ACCOUNT.TOKEN_ENCRYPTED, USER_ACCOUNT.SSH_PRIVATE_KEY_ENCRYPTED)
                .from(USER_ACCOUNT)
                .where(USER_ACCOUNT.ID.eq(user.value()))
                .fetchSingle(
                    row ->
                        new Credentials(
                            encryption.decrypt(row.value1()),
                            row.value2() == null ? null : encryption.decrypt(row.value2()))));
  }

  public List<StoredUser> list(@Nullable String namePattern, Page page) {
    return database.read(
        dsl ->
            dsl.select(COLUMNS)
                .from(USER_ACCOUNT)
                .where(matching(namePattern))
                .and(page.after(USER_ACCOUNT.CREATED_AT, USER_ACCOUNT.ID))
                .orderBy(page.order(USER_ACCOUNT.CREATED_AT, USER_ACCOUNT.ID))
                .limit(page.limit())
                .fetch(UserStore::read));
  }

  public int count(@Nullable String namePattern) {
    return database.read(
        dsl -> dsl.fetchCount(dsl.selectOne().from(USER_ACCOUNT).where(matching(namePattern))));
  }

  private static Condition matching(@Nullable String namePattern) {
    Condition present = USER_ACCOUNT.DELETED_AT.isNull();
    return namePattern == null || namePattern.isEmpty()
        ? present
        : present.and(USER_ACCOUNT.USERNAME.containsIgnoreCase(namePattern));
  }

  /**
   * @param actor absent: the user itself, as the first start does
   * @throws DstackException NAME_TAKEN, also when only the case differs
   */
  public StoredUser create(NewUser user, Instant now, @Nullable UserId actor) {
    return database.inTransaction(dsl -> create(dsl, user, now, actor));
  }

  StoredUser create(DSLContext dsl, NewUser user, Instant now, @Nullable UserId actor) {
    dsl.execute("SELECT pg_advisory_xact_lock(hashtext('dstack-user-names'))");
    boolean taken =
        dsl.fetchExists(
            DSL.selectOne()
                .from(USER_ACCOUNT)
                .where(
                    DSL.lower(USER_ACCOUNT.USERNAME).eq(user.username().toLowerCase(Locale.ROOT)))
                .and(USER_ACCOUNT.DELETED_AT.isNull()));
    if (taken) {
      throw new DstackException(
          ErrorKind.NAME_TAKEN, "User '" + user.username() + "' already exists");
    }
    dsl.insertInto(USER_ACCOUNT)
        .set(USER_ACCOUNT.ID, user.id().value())
        .set(USER_ACCOUNT.USERNAME, user.username())
        .set(USER_ACCOUNT.GLOBAL_ROLE, user.globalRole().wire())
        .set(USER_ACCOUNT.EMAIL, user.email())
        .set(USER_ACCOUNT.ACTIVE, user.active())
        .set(USER_ACCOUNT.CREATED_AT, now)
        .set(USER_ACCOUNT.TOKEN_HASH, user.tokenHash())
        .set(USER_ACCOUNT.TOKEN_ENCRYPTED, encryption.encrypt(user.token()))
        .set(USER_ACCOUNT.SSH_PUBLIC_KEY, user.sshKey().publicKey())
        .set(USER_ACCOUNT.SSH_PRIVATE_KEY_ENCRYPTED, encryption.encrypt(user.sshKey().privateKey()))
        .execute();
    AuditLog.record(
        dsl,
        now,
        "User created",
        actor == null ? user.id() : actor,
        AuditLog.user(user.id(), user.username()));
    return new StoredUser(
        user.id(),
        user.username(),
        user.globalRole(),
        user.email(),
        user.active(),
        now,
        user.sshKey().publicKey());
  }

  /** Empty: no such user. */
  public Optional<StoredUser> update(
      String username,
      GlobalRole role,
      @Nullable String email,
      boolean active,
      Instant now,
      UserId actor) {
    return database.inTransaction(
        dsl -> {
          Optional<StoredUser> found = lock(dsl, username);
          if (found.isEmpty()) {
            return found;
          }
          StoredUser old = found.get();
          List<String> changed = new ArrayList<>();
          if (old.globalRole() != role) {
            changed.add("global_role=" + role.wire());
          }
          if (!Objects.equals(old.email(), email)) {
            changed.add("email");
          }
          if (old.active() != active) {
            changed.add("active=" + active);
          }
          dsl.update(USER_ACCOUNT)
              .set(USER_ACCOUNT.GLOBAL_ROLE, role.wire())
              .set(USER_ACCOUNT.EMAIL, email)
              .set(USER_ACCOUNT.ACTIVE, active)
              .where(USER_ACCOUNT.ID.eq(old.id().value()))
              .execute();
          AuditLog.record(
              dsl,
              now,
              "User updated: "
                  + (changed.isEmpty() ? "nothing changed" : String.join(", ", changed)),
              actor,
              AuditLog.user(old.id(), username));
          return Optional.of(
              new StoredUser(
                  old.id(), username, role, email, active, old.createdAt(), old.sshPublicKey()));
        });
  }

  /** Empty: no such user. The old token is worth nothing from here on. */
  public Optional<StoredUser> replaceToken(
      String username, String token, String tokenHash, Instant now, UserId actor) {
    return database.inTransaction(
        dsl -> {
          Optional<StoredUser> found = lock(dsl, username);
          found.ifPresent(
              user -> {
                dsl.update(USER_ACCOUNT)
                    .set(USER_ACCOUNT.TOKEN_HASH, tokenHash)
                    .set(USER_ACCOUNT.TOKEN_ENCRYPTED, encryption.encrypt(token))
                    .where(USER_ACCOUNT.ID.eq(user.id().value()))
                    .execute();
                AuditLog.record(
                    dsl, now, "User token refreshed", actor, AuditLog.user(user.id(), username));
              });
          return found;
        });
  }

  /** Empty: no such user. */
  public Optional<StoredUser> replaceSshKey(
      String username, SshKeyPair key, Instant now, UserId actor) {
    return database.inTransaction(
        dsl ->
            lock(dsl, username)
                .map(
                    user -> {
                      dsl.update(USER_ACCOUNT)
                          .set(USER_ACCOUNT.SSH_PUBLIC_KEY, key.publicKey())
                          .set(
                              USER_ACCOUNT.SSH_PRIVATE_KEY_ENCRYPTED,
                              encryption.encrypt(key.privateKey()))
                          .where(USER_ACCOUNT.ID.eq(user.id().value()))
                          .execute();
                      AuditLog.record(
                          dsl,
                          now,
                          "User SSH key refreshed",
                          actor,
                          AuditLog.user(user.id(), username));
                      return new StoredUser(
                          user.id(),
                          username,
                          user.globalRole(),
                          user.email(),
                          user.active(),
                          user.createdAt(),
                          key.publicKey());
                    }));
  }

  /**
   * All of them or none; their memberships go, their projects stay.
   *
   * @throws DstackException INVALID_SPEC when one doesn't exist
   */
  public void delete(Collection<String> usernames, Instant now, UserId actor) {
    Set<String> names = new TreeSet<>(usernames);
    database.transaction(
        dsl -> {
          List<StoredUser> users =
              dsl.select(COLUMNS)
                  .from(USER_ACCOUNT)
                  .where(USER_ACCOUNT.USERNAME.in(names))
                  .and(USER_ACCOUNT.DELETED_AT.isNull())
                  .orderBy(USER_ACCOUNT.ID)
                  .forUpdate()
                  .fetch(UserStore::read);
          if (users.size() != names.size()) {
            Set<String> unknown = new TreeSet<>(names);
            users.forEach(user -> unknown.remove(user.username()));
            throw new DstackException(
                ErrorKind.INVALID_SPEC,
                "Nobody was deleted: no such users: " + String.join(", ", unknown));
          }
          for (StoredUser user : users) {
            dsl.update(USER_ACCOUNT)
                .set(USER_ACCOUNT.DELETED_AT, now)
                .set(USER_ACCOUNT.ACTIVE, false)
                .where(USER_ACCOUNT.ID.eq(user.id().value()))
                .execute();
            dsl.deleteFrom(PROJECT_MEMBER)
                .where(PROJECT_MEMBER.USER_ID.eq(user.id().value()))
                .execute();
            AuditLog.record(
                dsl, now, "User deleted", actor, AuditLog.user(user.id(), user.username()));
          }
        });
  }

  private static Optional<StoredUser> lock(DSLContext dsl, String username) {
    return dsl.select(COLUMNS)
        .from(USER_ACCOUNT)
        .where(USER_ACCOUNT.USERNAME.eq(username))
        .and(USER_ACCOUNT.DELETED_AT.isNull())
        .forUpdate()
        .fetchOptional(UserStore::read);
  }

  static StoredUser read(Record row) {
    return new StoredUser(
        new UserId(row.get(USER_ACCOUNT.ID)),
        row.get(USER_ACCOUNT.USERNAME),
        role(row.get(USER_ACCOUNT.GLOBAL_ROLE)),
        row.get(USER_ACCOUNT.EMAIL),
        row.get(USER_ACCOUNT.ACTIVE),
        row.get(USER_ACCOUNT.CREATED_AT),
        row.get(USER_ACCOUNT.SSH_PUBLIC_KEY));
  }

  private static GlobalRole role(String wire) {
    for (GlobalRole role : GlobalRole.values()) {
      if (role.wire().equals(wire)) {
        return role;
      }
    }
    throw new IllegalStateException("unknown global role in the database: " + wire);
  }
}
