package dev.dstack.api.bootstrap;

import dev.dstack.api.auth.Tokens;
import dev.dstack.api.backend.BackendRemoval;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.api.fleet.FleetSeeds;
import dev.dstack.api.user.SshKeys;
import dev.dstack.api.web.Now;
import dev.dstack.db.Database;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.Source;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.ProjectStore.NewProject;
import dev.dstack.db.records.StartupLock;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.UserStore.NewUser;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.GlobalRole;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the database to what config.yml and the command line say. Doing it again changes nothing.
 */
public final class Bootstrap {
  private static final Logger LOG = LoggerFactory.getLogger(Bootstrap.class);

  /** The project that every server has. */
  public static final String MAIN = "main";

  private final Database database;
  private final UserStore users;
  private final ProjectStore projects;
  private final BackendStore backends;
  private final FleetSeeds fleets;
  private final BackendRemoval removal;
  private final Now now;

  public Bootstrap(
      Database database,
      UserStore users,
      ProjectStore projects,
      BackendStore backends,
      FleetSeeds fleets,
      BackendRemoval removal,
      Now now) {
    this.database = database;
    this.users = users;
    this.projects = projects;
    this.backends = backends;
    this.fleets = fleets;
    this.removal = removal;
    this.now = now;
  }

  /**
   * @param adminToken in clear, for the person who starts the server; never logged elsewhere
   */
  public record Result(String adminToken, boolean adminCreated, List<String> projectsCreated) {
    @Override
    public String toString() {
      return "Result[adminCreated=" + adminCreated + ", projectsCreated=" + projectsCreated + "]";
    }
  }

  /**
   * @param wantedToken absent: the one that is there, or a new one
   */
  public Result run(@Nullable String wantedToken, ServerConfig config) {
    return StartupLock.hold(database, () -> runAlone(wantedToken, config));
  }

  private Result runAlone(@Nullable String wantedToken, ServerConfig config) {
    Optional<StoredUser> there = users.byName(UserStore.ADMIN);
    StoredUser admin = there.isPresent() ? there.get() : createAdmin(wantedToken);
    String token = users.credentials(admin.id()).token();
    if (wantedToken != null && !wantedToken.equals(token)) {
      users.replaceToken(
          UserStore.ADMIN, wantedToken, Tokens.hash(wantedToken), now.instant(), admin.id());
      token = wantedToken;
    }
    List<String> created = new ArrayList<>();
    ensureProject(MAIN, admin.id(), created);
    for (ServerConfig.Project project : config.projects()) {
      ProjectId id = ensureProject(project.name(), admin.id(), created);
      List<ServerConfig.Backend> wanted = project.backends();
      if (wanted != null) {
        sync(id, project.name(), admin.id(), wanted);
      }
    }
    return new Result(token, there.isEmpty(), created);
  }

  private StoredUser createAdmin(@Nullable String wantedToken) {
    String token = wantedToken == null ? Tokens.random() : wantedToken;
    return users.create(
        new NewUser(
            new UserId(UUID.randomUUID()),
            UserStore.ADMIN,
            GlobalRole.ADMIN,
            null,
            true,
            token,
            Tokens.hash(token),
            SshKeys.generate(UserStore.ADMIN)),
        now.instant(),
        null);
  }

  private ProjectId ensureProject(String name, UserId owner, List<String> created) {
    Optional<ProjectStore.Membership> there = projects.membership(name, owner);
    if (there.isPresent()) {
      return there.get().id();
    }
    ProjectId id = new ProjectId(UUID.randomUUID());
    projects.create(
        new NewProject(id, name, owner, false, null, SshKeys.generate(name + "@dstack")),
        0,
        now.instant());
    created.add(name);
    return id;
  }

  private void sync(
      ProjectId project, String name, UserId admin, List<ServerConfig.Backend> wanted) {
    Set<String> types = wanted.stream().map(ServerConfig.Backend::type).collect(Collectors.toSet());
    Set<String> gone = new TreeSet<>(projects.backendTypes(project));
    gone.removeAll(types);
    gone.removeIf(
        type -> {
          List<String> uses = removal.uses(project, type);
          if (!uses.isEmpty()) {
            LOG.error(
                "config.yml: {}. The backend stays until then",
                BackendRemoval.refusal(name, type, uses));
          }
          return !uses.isEmpty();
        });
    backends.delete(project, gone);
    gone.forEach(type -> fleets.remove(project, admin, type));
    for (ServerConfig.Backend backend : wanted) {
      backends.save(
          project, StoredBackend.of(backend.type(), backend.config(), Source.FILE), now.instant());
      fleets.ensure(project, admin, backend.type());
    }
  }
}
