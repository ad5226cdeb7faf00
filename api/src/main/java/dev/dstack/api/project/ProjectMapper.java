package dev.dstack.api.project;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.api.user.UserMapper;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.ProjectStore.StoredMember;
import dev.dstack.db.records.ProjectStore.StoredProject;
import dev.dstack.model.wire.backend.BackendInfo;
import dev.dstack.model.wire.project.Member;
import dev.dstack.model.wire.project.MemberPermissions;
import dev.dstack.model.wire.project.Project;
import dev.dstack.model.wire.user.GlobalRole;
import dev.dstack.model.wire.user.ProjectRole;
import java.util.List;

public record ProjectMapper(UserMapper users, DefaultPermissions defaults) {
  /**
   * Backends of our own are left out: the client's list of backend types lacks them and it refuses
   * the whole project, as it does with any other unknown word.
   */
  public Project wire(
      StoredProject project, List<StoredMember> members, List<StoredBackend> backends) {
    return new Project(
        project.id().value(),
        project.name(),
        users.wire(project.owner()),
        project.createdAt(),
        backends.stream()
            .filter(backend -> !OwnBackends.TYPES.contains(backend.type()))
            .map(backend -> new BackendInfo(backend.type(), backend.config()))
            .toList(),
        members.stream().map(this::wire).toList(),
        project.isPublic(),
        project.templatesRepo());
  }

  private Member wire(StoredMember member) {
    boolean globalAdmin = member.user().globalRole() == GlobalRole.ADMIN;
    boolean admin = globalAdmin || member.role() == ProjectRole.ADMIN;
    boolean manager = member.role() == ProjectRole.MANAGER;
    return new Member(
        users.wire(member.user()),
        member.role(),
        new MemberPermissions(
            admin || defaults.nonAdminsManageSshFleets(),
            admin || (manager && defaults.managersManageSecrets())));
  }

  /** Backends that only this implementation has. */
  static final class OwnBackends {
    static final List<String> TYPES = List.of("local", "scripted");

    private OwnBackends() {}
  }
}
