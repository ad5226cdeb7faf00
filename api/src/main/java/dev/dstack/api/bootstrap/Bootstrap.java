package dev.dstack.api.bootstrap;

import dev.dstack.api.auth.Tokens;
import dev.dstack.api.user.SshKeys;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.ProjectStore.NewProject;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.UserStore.NewUser;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.db.views.FleetReader;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.user.GlobalRole;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Brings the database to what the environment and config.yml say, at every start. Each step may be
 * repeated, and two servers may do it at once: whoever comes second finds the work done.
 */
public final class Bootstrap {
  private final UserStore users;
  private final ProjectStore projects;
  private final BackendStore backends;
  private final Fleets fleets;
  private final FleetReader fleetReader;
  private final FleetSeeds seeds;
  private final InstantSource clock;

  public Bootstrap(
      UserStore users,
      ProjectStore projects,
      BackendStore backends,
      Fleets fleets,
      FleetReader fleetReader,
      InstantSource clock) {
    this.users = users;
    this.projects = projects;
    this.backends = backends;
    this.fleets = fleets;
    this.fleetReader = fleetReader;
    this.seeds = new FleetSeeds(backends, fleets, fleetReader);
    this.clock = clock;
  }

  /**
   * @param created whether this was the first start
   */
  public record Admin(UserId id, String token, boolean created) {
    @Override
    public String toString() {
      return "Admin[" + id + ", created=" + created + "]";
    }
  }

  /**
   * @param token absent: the stored one, or at the first start a new one
   */
  public Admin ensureAdmin(@Nullable String token) {
    Optional<StoredUser> found = users.byName(UserStore.ADMIN);
    if (found.isEmpty()) {
      String first = token == null ? Tokens.random() : token;
      try {
        StoredUser admin =
            users.create(
                new NewUser(
                    new UserId(UUID.randomUUID()),
                    UserStore.ADMIN,
                    GlobalRole.ADMIN,
                    null,
                    true,
                    first,
                    Tokens.hash(first),
                    SshKeys.generate(UserStore.ADMIN)),
                clock.instant(),
                null);
        return new Admin(admin.id(), first, true);
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NAME_TAKEN) {
          throw e;
        }
        found = users.byName(UserStore.ADMIN);
      }
    }
    StoredUser admin = found.orElseThrow();
    String stored = users.credentials(admin.id()).token();
    if (token == null || token.equals(stored)) {
      return new Admin(admin.id(), stored, false);
    }
    users.replaceToken(UserStore.ADMIN, token, Tokens.hash(token), clock.instant(), admin.id());
    return new Admin(admin.id(), token, false);
  }

  /** Makes the project with the admin as its owner where it does not exist. */
  public ProjectId ensureProject(String name, UserId owner) {
    ProjectId known = projects.ids(List.of(name)).get(name);
    if (known != null) {
      return known;
    }
    try {
      projects.create(
          new NewProject(
              new ProjectId(UUID.randomUUID()), name, owner, false, null, SshKeys.generate(name)),
          0,
          clock.instant());
    } catch (DstackException e) {
      if (e.kind() != ErrorKind.NAME_TAKEN) {
        throw e;
      }
    }
    ProjectId created = projects.ids(List.of(name)).get(name);
    if (created == null) {
      throw new DstackException(
          ErrorKind.NAME_TAKEN,
          "Project " + name + " of config.yml can't be made: another one differs in case only");
    }
    return created;
  }

  /**
   * Makes the project's backends those of the file: listed ones are written, others that came from
   * a file are deleted; ones made through the API stay. Backends whose machines need no plan of a
   * person get a fleet of their name.
   *
   * @return what could not be used, with line and field
   */
  public List<ServerConfig.Problem> syncProject(
      ServerConfig.Project wanted, int index, UserId owner, BackendCheck check) {
    ProjectId project = ensureProject(wanted.name(), owner);
    List<ServerConfig.Problem> problems = new ArrayList<>();
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < wanted.backends().size(); i++) {
      ServerConfig.Backend backend = wanted.backends().get(i);
      // Named in the file, so it stays as it was even if the new entry can't be used.
      kept.add(backend.type());
      Optional<String> problem = check.problem(backend.type(), backend.options());
      if (problem.isPresent()) {
        problems.add(
            new ServerConfig.Problem(
                backend.line(), "projects[" + index + "].backends[" + i + "]", problem.get()));
        continue;
      }
      backends.save(
          project,
          new StoredBackend(
              backend.type(), Json.tree(backend.options()), null, BackendStore.Source.FILE),
          clock.instant());
      seeds.ensure(project, null, backend.type());
    }
    removeOthers(project, kept);
    return problems;
  }

  /** Says why a backend's entry can't be used; empty: it can. */
  @FunctionalInterface
  public interface BackendCheck {
    Optional<String> problem(String type, Map<String, Object> options);
  }

  private void removeOthers(ProjectId project, List<String> kept) {
    List<String> gone =
        backends.list(project).stream()
            .filter(b -> b.source() == BackendStore.Source.FILE && !kept.contains(b.type()))
            .map(StoredBackend::type)
            .toList();
    for (String type : gone) {
      fleetReader.get(project, type).ifPresent(fleet -> fleets.requestDelete(fleet.id(), null));
    }
    backends.delete(project, gone);
  }
}
