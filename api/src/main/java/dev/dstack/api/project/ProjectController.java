package dev.dstack.api.project;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.config.Limits;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.user.SshKeys;
import dev.dstack.api.user.UserMapper;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.Page;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.ProjectStore.Filter;
import dev.dstack.db.records.ProjectStore.NewProject;
import dev.dstack.db.records.ProjectStore.StoredMember;
import dev.dstack.db.records.ProjectStore.StoredProject;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.wire.project.AddProjectMemberRequest;
import dev.dstack.model.wire.project.CreateProjectRequest;
import dev.dstack.model.wire.project.DeleteProjectsRequest;
import dev.dstack.model.wire.project.ListProjectsRequest;
import dev.dstack.model.wire.project.Project;
import dev.dstack.model.wire.project.ProjectsInfoList;
import dev.dstack.model.wire.project.RemoveProjectMemberRequest;
import dev.dstack.model.wire.project.SetProjectMembersRequest;
import dev.dstack.model.wire.project.UpdateProjectRequest;
import dev.dstack.model.wire.user.ProjectRole;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class ProjectController {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,50}");
  private static final int LIMIT_MAX = 2_000;
  private static final int MEMBERS_MAX = 1_000;

  private final ProjectStore projects;
  private final UserStore users;
  private final BackendStore backends;
  private final ProjectMapper mapper;
  private final UserMapper userMapper;
  private final Limits limits;
  private final Now now;

  public ProjectController(
      ProjectStore projects,
      UserStore users,
      BackendStore backends,
      ProjectMapper mapper,
      UserMapper userMapper,
      Limits limits,
      Now now) {
    this.projects = projects;
    this.users = users;
    this.backends = backends;
    this.mapper = mapper;
    this.userMapper = userMapper;
    this.limits = limits;
    this.now = now;
  }

  @PostMapping("/api/projects/list")
  public Object list(@Body(optional = true) @Nullable ListProjectsRequest body, Caller caller) {
    ListProjectsRequest request =
        body == null
            ? new ListProjectsRequest(true, null, false, null, null, null, LIMIT_MAX, false)
            : body;
    Page page =
        Check.page(
            request.prevCreatedAt(),
            request.prevId(),
            request.limit(),
            LIMIT_MAX,
            request.ascending());
    StoredUser of = null;
    if (request.username() != null) {
      Optional<StoredUser> found = users.byName(request.username());
      if (found.isEmpty()) {
        return request.returnTotalCount() ? new ProjectsInfoList(0, List.of()) : List.of();
      }
      of = found.get();
    }
    Filter filter =
        new Filter(
            caller.isGlobalAdmin() ? null : caller.id(),
            request.includeNotJoined(),
            of == null ? null : of.id(),
            request.namePattern());
    List<StoredProject> found = projects.list(filter, page);
    Map<ProjectId, StoredMember> memberships =
        of == null
            ? Map.of()
            : projects.memberships(found.stream().map(StoredProject::id).toList(), of.id());
    List<Project> shown =
        found.stream()
            .map(
                project -> {
                  StoredMember member = memberships.get(project.id());
                  return mapper.wire(
                      project, member == null ? List.of() : List.of(member), List.of());
                })
            .toList();
    return request.returnTotalCount() ? new ProjectsInfoList(projects.count(filter), shown) : shown;
  }

  @PostMapping("/api/projects/list_only_no_fleets")
  public List<Project> listWithoutFleets(Caller caller) {
    Filter filter = new Filter(caller.isGlobalAdmin() ? null : caller.id(), false, null, null);
    return projects.withoutFleets(filter).stream()
        .map(project -> mapper.wire(project, List.of(), List.of()))
        .toList();
  }

  @PostMapping("/api/projects/create")
  public Project create(@Body CreateProjectRequest body, Caller caller) {
    if (!userMapper.mayCreateProjects(caller.globalRole())) {
      throw ApiException.forbidden("Access denied: only admins create projects on this server");
    }
    if (!NAME.matcher(body.projectName()).matches()) {
      throw ApiException.badRequest(
          "A project name has 1 to 50 letters, digits, '-' or '_' (" + NAME.pattern() + ")");
    }
    ProjectId id = new ProjectId(UUID.randomUUID());
    projects.create(
        new NewProject(
            id,
            body.projectName(),
            caller.id(),
            body.isPublic(),
            body.templatesRepo(),
            SshKeys.generate(body.projectName() + "@dstack")),
        caller.isGlobalAdmin() ? 0 : limits.projectsPerUser(),
        now.instant());
    return get(id);
  }

  @PostMapping("/api/projects/delete")
  public void delete(@Body DeleteProjectsRequest body, Caller caller) {
    Check.atMost("projects_names", body.projectsNames(), LIMIT_MAX);
    Map<String, ProjectId> found = new HashMap<>();
    for (String name : new TreeSet<>(body.projectsNames())) {
      ProjectStore.Membership membership = projects.membership(name, caller.id()).orElse(null);
      if (membership == null) {
        if (caller.isGlobalAdmin()) {
          throw ApiException.badRequest("Nothing was deleted: no such project: " + name);
        }
        throw ApiException.forbidden();
      }
      boolean mayDelete =
          caller.isGlobalAdmin()
              || membership.role() == ProjectRole.ADMIN
              || membership.ownerId().equals(caller.id());
      if (!mayDelete) {
        throw ApiException.forbidden();
      }
      found.put(name, membership.id());
    }
    projects.delete(found, now.instant(), caller.id());
  }

  @PostMapping("/api/projects/{project_name}/get")
  public Project get(ProjectAccess access) {
    return get(access.id());
  }

  @PostMapping("/api/projects/{project_name}/set_members")
  public Project setMembers(@Body SetProjectMembersRequest body, ProjectAccess access) {
    Check.atMost("members", body.members(), MEMBERS_MAX);
    projects.changeMembers(
        access.id(),
        (_, current, finder) -> MemberRules.set(access, current, body.members(), finder),
        now.instant(),
        access.caller().id());
    return get(access.id());
  }

  @PostMapping("/api/projects/{project_name}/add_members")
  public Project addMembers(@Body AddProjectMemberRequest body, ProjectAccess access) {
    Check.atMost("members", body.members(), MEMBERS_MAX);
    projects.changeMembers(
        access.id(),
        (_, current, finder) -> MemberRules.add(access, current, body.members(), finder),
        now.instant(),
        access.caller().id());
    return get(access.id());
  }

  @PostMapping("/api/projects/{project_name}/remove_members")
  public Project removeMembers(@Body RemoveProjectMemberRequest body, ProjectAccess access) {
    Check.atMost("usernames", body.usernames(), MEMBERS_MAX);
    projects.changeMembers(
        access.id(),
        (_, current, finder) -> MemberRules.remove(access, current, body.usernames(), finder),
        now.instant(),
        access.caller().id());
    return get(access.id());
  }

  @PostMapping("/api/projects/{project_name}/update")
  public Project update(@Body UpdateProjectRequest body, ProjectAccess access) {
    projects.update(
        access.id(),
        body.isPublic(),
        body.templatesRepo(),
        body.resetTemplatesRepo(),
        now.instant(),
        access.caller().id());
    return get(access.id());
  }

  private Project get(ProjectId id) {
    StoredProject project = projects.get(id).orElseThrow(ApiException::unknownProject);
    return mapper.wire(project, projects.members(id), backends.list(id));
  }
}
