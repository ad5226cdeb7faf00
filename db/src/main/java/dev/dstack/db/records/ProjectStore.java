package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.BACKEND;
import static dev.dstack.db.jooq.generated.records.Tables.FLEET;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.PROJECT_MEMBER;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.records.NewEvent.Target;
import dev.dstack.db.records.UserStore.SshKeyPair;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.ProjectRole;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** Projects and who is in them. Deleted ones are never found. */
public final class ProjectStore {
  private final Database database;
  private final Encryption encryption;

  public ProjectStore(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  /**
   * @param role absent: not a member
   */
  public record Membership(
      ProjectId id, String name, UserId ownerId, boolean isPublic, @Nullable ProjectRole role) {}

  public record StoredProject(
      ProjectId id,
      String name,
      StoredUser owner,
      Instant createdAt,
      boolean isPublic,
      @Nullable String templatesRepo) {}

  public record StoredMember(StoredUser user, ProjectRole role) {}

  /** A member by user name or e-mail address. */
  public record Wanted(String user, ProjectRole role) {}

  public record NewProject(
      ProjectId id,
      String name,
      UserId owner,
      boolean isPublic,
      @Nullable String templatesRepo,
      SshKeyPair sshKey) {}

  /**
   * @param viewer absent: all projects; otherwise those that this user is a member of
   * @param andPublic with those that everybody may see
   * @param of absent: of anybody; otherwise only projects that this user owns or is a member of
   */
  public record Filter(
      @Nullable UserId viewer,
      boolean andPublic,
      @Nullable UserId of,
      @Nullable String namePattern) {}

  public Optional<Membership> membership(String name, UserId user) {
    return database.read(
        dsl ->
            dsl.select(
                    PROJECT.ID,
                    PROJECT.NAME,
                    PROJECT.OWNER_ID,
                    PROJECT.IS_PUBLIC,
                    PROJECT_MEMBER.ROLE)
                .from(PROJECT)
                .leftJoin(PROJECT_MEMBER)
                .on(PROJECT_MEMBER.PROJECT_ID.eq(PROJECT.ID))
                .and(PROJECT_MEMBER.USER_ID.eq(user.value()))
                .where(PROJECT.NAME.eq(name))
                .and(PROJECT.DELETED_AT.isNull())
                .fetchOptional(
                    row ->
                        new Membership(
                            new ProjectId(row.value1()),
                            row.value2(),
                            new UserId(row.value3()),
                            row.value4(),
                            row.value5() == null ? null : role(row.value5()))));
  }

  /** The projects that a user is a member of. */
  public List<ProjectId> joined(UserId user) {
    return database.read(
        dsl ->
            dsl.select(PROJECT.ID)
                .from(PROJECT)
                .join(PROJECT_MEMBER)
                .on(PROJECT_MEMBER.PROJECT_ID.eq(PROJECT.ID))
                .where(PROJECT_MEMBER.USER_ID.eq(user.value()))
                .and(PROJECT.DELETED_AT.isNull())
                .fetch(row -> new ProjectId(row.value1())));
  }

  /** Name to id of the projects that exist. */
  public Map<String, ProjectId> ids(Collection<String> names) {
    return database.read(
        dsl ->
            dsl
                .select(PROJECT.NAME, PROJECT.ID)
                .from(PROJECT)
                .where(PROJECT.NAME.in(names))
                .and(PROJECT.DELETED_AT.isNull())
                .fetch()
                .stream()
                .collect(
                    java.util.stream.Collectors.toMap(
                        row -> row.value1(), row -> new ProjectId(row.value2()))));
  }

  public Optional<StoredProject> get(ProjectId id) {
    return database.read(dsl -> get(dsl, id));
  }

  /** With which this server logs in to machines that clouds make for the project. */
  public Optional<SshKeyPair> sshKey(ProjectId id) {
    return database.read(
        dsl ->
            dsl.select(PROJECT.SSH_PUBLIC_KEY, PROJECT.SSH_PRIVATE_KEY_ENCRYPTED)
                .from(PROJECT)
                .where(PROJECT.ID.eq(id.value()), PROJECT.SSH_PRIVATE_KEY_ENCRYPTED.isNotNull())
                .fetchOptional(
                    row -> new SshKeyPair(row.value1(), encryption.decrypt(row.value2()))));
  }

  private static Optional<StoredProject> get(DSLContext dsl, ProjectId id) {
    return dsl.select(columns())
        .from(PROJECT)
        .join(USER_ACCOUNT)
        .on(USER_ACCOUNT.ID.eq(PROJECT.OWNER_ID))
        .where(PROJECT.ID.eq(id.value()))
        .and(PROJECT.DELETED_AT.isNull())
        .fetchOptional(ProjectStore::read);
  }

  /** In the order in which they were added. */
  public List<StoredMember> members(ProjectId project) {
    return database.read(dsl -> members(dsl, project));
  }

  private static List<StoredMember> members(DSLContext dsl, ProjectId project) {
    List<SelectField<?>> columns = new ArrayList<>(UserStore.COLUMNS);
    columns.add(PROJECT_MEMBER.ROLE);
    return dsl.select(columns)
        .from(PROJECT_MEMBER)
        .join(USER_ACCOUNT)
        .on(USER_ACCOUNT.ID.eq(PROJECT_MEMBER.USER_ID))
        .where(PROJECT_MEMBER.PROJECT_ID.eq(project.value()))
        .and(USER_ACCOUNT.DELETED_AT.isNull())
        .orderBy(PROJECT_MEMBER.POSITION, PROJECT_MEMBER.ADDED_AT, USER_ACCOUNT.USERNAME)
        .fetch(row -> new StoredMember(UserStore.read(row), role(row.get(PROJECT_MEMBER.ROLE))));
  }

  /** What this one user is in each of the projects. */
  public Map<ProjectId, StoredMember> memberships(Collection<ProjectId> projects, UserId user) {
    List<SelectField<?>> columns = new ArrayList<>(UserStore.COLUMNS);
    columns.add(PROJECT_MEMBER.ROLE);
    columns.add(PROJECT_MEMBER.PROJECT_ID);
    Map<ProjectId, StoredMember> found = new LinkedHashMap<>();
    database
        .read(
            dsl ->
                dsl.select(columns)
                    .from(PROJECT_MEMBER)
                    .join(USER_ACCOUNT)
                    .on(USER_ACCOUNT.ID.eq(PROJECT_MEMBER.USER_ID))
                    .where(PROJECT_MEMBER.USER_ID.eq(user.value()))
                    .and(
                        PROJECT_MEMBER.PROJECT_ID.in(
                            projects.stream().map(ProjectId::value).toList()))
                    .fetch())
        .forEach(
            row ->
                found.put(
                    new ProjectId(row.get(PROJECT_MEMBER.PROJECT_ID)),
                    new StoredMember(UserStore.read(row), role(row.get(PROJECT_MEMBER.ROLE)))));
    return found;
  }

  public List<StoredProject> list(Filter filter, Page page) {
    return database.read(
        dsl ->
            dsl.select(columns())
                .from(PROJECT)
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(PROJECT.OWNER_ID))
                .where(condition(filter))
                .and(page.after(PROJECT.CREATED_AT, PROJECT.ID))
                .orderBy(page.order(PROJECT.CREATED_AT, PROJECT.ID))
                .limit(page.limit())
                .fetch(ProjectStore::read));
  }

  public int count(Filter filter) {
    return database.read(
        dsl -> dsl.fetchCount(DSL.selectOne().from(PROJECT).where(condition(filter))));
  }

  /** Projects without a fleet, in which nothing can run yet. */
  public List<StoredProject> withoutFleets(Filter filter) {
    return database.read(
        dsl ->
            dsl.select(columns())
                .from(PROJECT)
                .join(USER_ACCOUNT)
                .on(USER_ACCOUNT.ID.eq(PROJECT.OWNER_ID))
                .where(condition(filter))
                .andNotExists(
                    DSL.selectOne()
                        .from(FLEET)
                        .where(FLEET.PROJECT_ID.eq(PROJECT.ID))
                        .and(FLEET.DELETED_AT.isNull()))
                .orderBy(PROJECT.CREATED_AT.desc(), PROJECT.ID.desc())
                .limit(2_000)
                .fetch(ProjectStore::read));
  }

  private static Condition condition(Filter filter) {
    Condition condition = PROJECT.DELETED_AT.isNull();
    UserId viewer = filter.viewer();
    if (viewer != null) {
      Condition joined = memberOf(viewer);
      condition = condition.and(filter.andPublic() ? joined.or(PROJECT.IS_PUBLIC) : joined);
    }
    UserId of = filter.of();
    if (of != null) {
      condition = condition.and(PROJECT.OWNER_ID.eq(of.value()).or(memberOf(of)));
    }
    String pattern = filter.namePattern();
    return pattern == null || pattern.isEmpty()
        ? condition
        : condition.and(PROJECT.NAME.containsIgnoreCase(pattern));
  }

  private static Condition memberOf(UserId user) {
    return DSL.exists(
        DSL.selectOne()
            .from(PROJECT_MEMBER)
            .where(PROJECT_MEMBER.PROJECT_ID.eq(PROJECT.ID))
            .and(PROJECT_MEMBER.USER_ID.eq(user.value())));
  }

  /**
   * The owner becomes its first admin.
   *
   * @param ownedMax how many projects one user may own; 0 is no limit
   * @throws DstackException NAME_TAKEN, also when only the case differs, or QUOTA_EXCEEDED
   */
  public void create(NewProject project, int ownedMax, Instant now) {
    database.transaction(dsl -> create(dsl, project, ownedMax, now));
  }

  void create(DSLContext dsl, NewProject project, int ownedMax, Instant now) {
    dsl.execute("SELECT pg_advisory_xact_lock(hashtext('dstack-project-names'))");
    boolean taken =
        dsl.fetchExists(
            DSL.selectOne()
                .from(PROJECT)
                .where(DSL.lower(PROJECT.NAME).eq(project.name().toLowerCase(Locale.ROOT)))
                .and(PROJECT.DELETED_AT.isNull()));
    if (taken) {
      throw new DstackException(
          ErrorKind.NAME_TAKEN, "Project '" + project.name() + "' already exists");
    }
    int owned =
        dsl.fetchCount(
            DSL.selectOne()
                .from(PROJECT)
                .where(PROJECT.OWNER_ID.eq(project.owner().value()))
                .and(PROJECT.DELETED_AT.isNull()));
    if (ownedMax > 0 && owned >= ownedMax) {
      throw new DstackException(
          ErrorKind.QUOTA_EXCEEDED,
          "You own " + owned + " projects, and " + ownedMax + " is the limit of this server");
    }
    dsl.insertInto(PROJECT)
        .set(PROJECT.ID, project.id().value())
        .set(PROJECT.NAME, project.name())
        .set(PROJECT.OWNER_ID, project.owner().value())
        .set(PROJECT.IS_PUBLIC, project.isPublic())
        .set(PROJECT.TEMPLATES_REPO, project.templatesRepo())
        .set(PROJECT.CREATED_AT, now)
        .set(PROJECT.SSH_PUBLIC_KEY, project.sshKey().publicKey())
        .set(PROJECT.SSH_PRIVATE_KEY_ENCRYPTED, encryption.encrypt(project.sshKey().privateKey()))
        .execute();
    insertMember(dsl, project.id(), project.owner(), ProjectRole.ADMIN, 0, now);
    AuditLog.record(
        dsl,
        now,
        "Project created",
        project.owner(),
        AuditLog.project(project.id(), project.name()));
  }

  /**
   * @param isPublic absent: as it is
   * @param templatesRepo absent: as it is, unless it is to be reset
   */
  public void update(
      ProjectId id,
      @Nullable Boolean isPublic,
      @Nullable String templatesRepo,
      boolean resetTemplatesRepo,
      Instant now,
      UserId actor) {
    database.transaction(
        dsl -> {
          StoredProject old = lock(dsl, id);
          List<String> changed = new ArrayList<>();
          boolean nextPublic = isPublic == null ? old.isPublic() : isPublic;
          if (nextPublic != old.isPublic()) {
            changed.add("is_public=" + nextPublic);
          }
          String nextRepo =
              resetTemplatesRepo
                  ? null
                  : templatesRepo == null ? old.templatesRepo() : templatesRepo;
          if (!Objects.equals(nextRepo, old.templatesRepo())) {
            changed.add("templates_repo=" + nextRepo);
          }
          dsl.update(PROJECT)
              .set(PROJECT.IS_PUBLIC, nextPublic)
              .set(PROJECT.TEMPLATES_REPO, nextRepo)
              .where(PROJECT.ID.eq(id.value()))
              .execute();
          AuditLog.record(
              dsl,
              now,
              "Project updated: "
                  + (changed.isEmpty() ? "nothing changed" : String.join(", ", changed)),
              actor,
              AuditLog.project(id, old.name()));
        });
  }

  /**
   * All of them or none.
   *
   * @throws DstackException INVALID_SPEC when one has active runs or fleets
   */
  public void delete(Map<String, ProjectId> projects, Instant now, UserId actor) {
    database.transaction(
        dsl ->
            projects.forEach(
                (name, id) -> {
                  lock(dsl, id);
                  refuseIfInUse(dsl, id, name);
                  dsl.update(PROJECT)
                      .set(PROJECT.DELETED_AT, now)
                      .where(PROJECT.ID.eq(id.value()))
                      .execute();
                  AuditLog.record(dsl, now, "Project deleted", actor, AuditLog.project(id, name));
                }));
  }

  private static void refuseIfInUse(DSLContext dsl, ProjectId id, String name) {
    int runs =
        dsl.fetchCount(
            DSL.selectOne()
                .from(RUN_SUBMISSION)
                .where(RUN_SUBMISSION.PROJECT_ID.eq(id.value()))
                .and(RUN_SUBMISSION.FINISHED_AT.isNull())
                .and(RUN_SUBMISSION.DELETED_AT.isNull()));
    if (runs > 0) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "Project '" + name + "' has " + runs + " active runs; stop them first");
    }
    List<String> fleets =
        dsl.select(FLEET.NAME)
            .from(FLEET)
            .where(FLEET.PROJECT_ID.eq(id.value()))
            .and(FLEET.DELETED_AT.isNull())
            .orderBy(FLEET.NAME)
            .fetch(FLEET.NAME);
    if (!fleets.isEmpty()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "Project '"
              + name
              + "' has fleets: "
              + String.join(", ", fleets)
              + "; delete them first");
    }
  }

  /** A change of members, decided with the project locked. */
  public interface MemberChange {
    /**
     * @param current who is in the project now
     * @return who shall be in it, in this order
     */
    List<StoredMember> decide(StoredProject project, List<StoredMember> current, Finder users);
  }

  /** Finds users by name or e-mail address. */
  public interface Finder {
    Optional<StoredUser> find(String nameOrEmail);
  }

  public void changeMembers(ProjectId id, MemberChange change, Instant now, UserId actor) {
    database.transaction(
        dsl -> {
          StoredProject project = lock(dsl, id);
          List<StoredMember> before = members(dsl, id);
          List<StoredMember> after =
              change.decide(project, before, name -> byNameOrEmail(dsl, name));
          List<String> changes = new ArrayList<>();
          List<Target> targets = new ArrayList<>();
          targets.add(AuditLog.project(id, project.name()));
          Map<UserId, StoredMember> old = byUser(before);
          Map<UserId, StoredMember> wanted = byUser(after);
          old.forEach(
              (user, member) -> {
                if (!wanted.containsKey(user)) {
                  changes.add(member.user().username() + " removed");
                  targets.add(AuditLog.user(user, member.user().username()));
                  dsl.deleteFrom(PROJECT_MEMBER)
                      .where(PROJECT_MEMBER.PROJECT_ID.eq(id.value()))
                      .and(PROJECT_MEMBER.USER_ID.eq(user.value()))
                      .execute();
                }
              });
          int position = 0;
          for (Map.Entry<UserId, StoredMember> entry : wanted.entrySet()) {
            StoredMember member = entry.getValue();
            StoredMember was = old.get(entry.getKey());
            insertMember(dsl, id, entry.getKey(), member.role(), position++, now);
            if (was == null || was.role() != member.role()) {
              changes.add(
                  member.user().username()
                      + (was == null ? " added as " : " is now ")
                      + member.role().wire());
              targets.add(AuditLog.user(entry.getKey(), member.user().username()));
            }
          }
          if (!changes.isEmpty()) {
            AuditLog.record(
                dsl,
                now,
                "Project members changed: " + String.join(", ", changes),
                actor,
                targets.toArray(Target[]::new));
          }
        });
  }

  private static Map<UserId, StoredMember> byUser(List<StoredMember> members) {
    Map<UserId, StoredMember> byUser = new LinkedHashMap<>();
    members.forEach(member -> byUser.put(member.user().id(), member));
    return byUser;
  }

  private static Optional<StoredUser> byNameOrEmail(DSLContext dsl, String name) {
    return UserStore.byName(dsl, name)
        .or(
            () ->
                dsl
                    .select(UserStore.COLUMNS)
                    .from(USER_ACCOUNT)
                    .where(USER_ACCOUNT.EMAIL.eq(name))
                    .and(USER_ACCOUNT.DELETED_AT.isNull())
                    .orderBy(USER_ACCOUNT.CREATED_AT)
                    .limit(1)
                    .fetch(UserStore::read)
                    .stream()
                    .findFirst());
  }

  private static void insertMember(
      DSLContext dsl, ProjectId project, UserId user, ProjectRole role, int position, Instant now) {
    dsl.insertInto(PROJECT_MEMBER)
        .set(PROJECT_MEMBER.PROJECT_ID, project.value())
        .set(PROJECT_MEMBER.USER_ID, user.value())
        .set(PROJECT_MEMBER.ROLE, role.wire())
        .set(PROJECT_MEMBER.POSITION, position)
        .set(PROJECT_MEMBER.ADDED_AT, now)
        .onConflict(PROJECT_MEMBER.PROJECT_ID, PROJECT_MEMBER.USER_ID)
        .doUpdate()
        .set(PROJECT_MEMBER.ROLE, role.wire())
        .set(PROJECT_MEMBER.POSITION, position)
        .execute();
  }

  private static StoredProject lock(DSLContext dsl, ProjectId id) {
    dsl.select(PROJECT.ID).from(PROJECT).where(PROJECT.ID.eq(id.value())).forUpdate().fetch();
    return get(dsl, id)
        .orElseThrow(
            () -> new DstackException(ErrorKind.NOT_FOUND, "The project was deleted meanwhile"));
  }

  /** Types of the project's backends, in order. */
  public Set<String> backendTypes(ProjectId project) {
    List<String> types =
        database.read(
            dsl ->
                dsl.select(BACKEND.TYPE)
                    .from(BACKEND)
                    .where(BACKEND.PROJECT_ID.eq(project.value()))
                    .fetch(BACKEND.TYPE));
    return new TreeSet<>(types);
  }

  private static List<SelectField<?>> columns() {
    List<SelectField<?>> columns = new ArrayList<>(UserStore.COLUMNS);
    columns.addAll(
        List.of(
            PROJECT.ID,
            PROJECT.NAME,
            PROJECT.CREATED_AT,
            PROJECT.IS_PUBLIC,
            PROJECT.TEMPLATES_REPO));
    return columns;
  }

  private static StoredProject read(Record row) {
    UUID id = row.get(PROJECT.ID);
    return new StoredProject(
        new ProjectId(id),
        row.get(PROJECT.NAME),
        UserStore.read(row),
        row.get(PROJECT.CREATED_AT),
        row.get(PROJECT.IS_PUBLIC),
        row.get(PROJECT.TEMPLATES_REPO));
  }

  private static ProjectRole role(String wire) {
    for (ProjectRole role : ProjectRole.values()) {
      if (role.wire().equals(wire)) {
        return role;
      }
    }
    throw new IllegalStateException("unknown project role in the database: " + wire);
  }
}
