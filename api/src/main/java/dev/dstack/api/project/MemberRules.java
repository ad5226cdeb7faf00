package dev.dstack.api.project;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.db.records.ProjectStore.Finder;
import dev.dstack.db.records.ProjectStore.StoredMember;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.wire.project.MemberSetting;
import dev.dstack.model.wire.user.ProjectRole;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who may change whom. Global admins may do everything; admins of a project, all within it;
 * managers all but admins; a stranger may join a public project; each member may leave, but the
 * last admin.
 */
final class MemberRules {
  private MemberRules() {}

  static List<StoredMember> set(
      ProjectAccess access, List<StoredMember> current, List<MemberSetting> wanted, Finder users) {
    refuseTwice(wanted.stream().map(MemberSetting::username).toList());
    List<StoredMember> next = new ArrayList<>();
    for (MemberSetting setting : wanted) {
      // As upstream does here and only here: an unknown name is left out.
      users
          .find(setting.username())
          .ifPresent(user -> add(next, new StoredMember(user, setting.projectRole())));
    }
    if (!access.isAdmin() && !admins(next).equals(admins(current))) {
      throw ApiException.forbidden("Access denied: a manager can't change who is admin");
    }
    return next;
  }

  static List<StoredMember> add(
      ProjectAccess access, List<StoredMember> current, List<MemberSetting> wanted, Finder users) {
    refuseTwice(wanted.stream().map(MemberSetting::username).toList());
    List<StoredMember> next = new ArrayList<>(current);
    for (MemberSetting setting : wanted) {
      StoredUser user =
          users
              .find(setting.username())
              .orElseThrow(
                  () -> ApiException.badRequest("User '" + setting.username() + "' not found"));
      boolean joinsHimself =
          access.isPublic() && !access.isMember() && user.id().equals(access.caller().id());
      if (joinsHimself) {
        if (setting.projectRole() != ProjectRole.USER) {
          throw ApiException.forbidden("Access denied: a public project is joined as user");
        }
      } else if (!access.isManager()) {
        throw ApiException.forbidden("Access denied: only managers and admins add members");
      } else if (!access.isAdmin() && setting.projectRole() == ProjectRole.ADMIN) {
        throw ApiException.forbidden("Access denied: a manager can't add admins");
      }
      boolean isAdminNow =
          find(current, user).map(member -> member.role() == ProjectRole.ADMIN).orElse(false);
      if (isAdminNow && setting.projectRole() != ProjectRole.ADMIN && !access.isAdmin()) {
        throw ApiException.forbidden("Access denied: a manager can't change admins");
      }
      replace(next, new StoredMember(user, setting.projectRole()));
    }
    requireAdmin(current, next);
    return next;
  }

  static List<StoredMember> remove(
      ProjectAccess access, List<StoredMember> current, List<String> names, Finder users) {
    List<StoredMember> next = new ArrayList<>(current);
    for (String name : names) {
      StoredUser user =
          users
              .find(name)
              .orElseThrow(() -> ApiException.badRequest("User '" + name + "' not found"));
      StoredMember member =
          find(current, user)
              .orElseThrow(
                  () ->
                      ApiException.badRequest(
                          "User '" + name + "' is not a member of this project"));
      boolean leaves = user.id().equals(access.caller().id());
      if (!leaves && !access.isManager()) {
        throw ApiException.forbidden("Access denied: only managers and admins remove members");
      }
      if (!leaves && member.role() == ProjectRole.ADMIN && !access.isAdmin()) {
        throw ApiException.forbidden("Access denied: a manager can't remove admins");
      }
      next.removeIf(other -> other.user().id().equals(user.id()));
    }
    requireAdmin(current, next);
    return next;
  }

  /** A project that has an admin keeps one. */
  private static void requireAdmin(List<StoredMember> before, List<StoredMember> after) {
    if (!admins(before).isEmpty() && admins(after).isEmpty()) {
      throw ApiException.badRequest(
          "The last admin of a project can't leave or be removed; make somebody else admin first");
    }
  }

  private static void refuseTwice(List<String> names) {
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      if (!seen.add(name)) {
        throw ApiException.badRequest("User '" + name + "' is named more than once");
      }
    }
  }

  /** The first mention counts, should a user be named by name and by address. */
  private static void add(List<StoredMember> members, StoredMember member) {
    if (find(members, member.user()).isEmpty()) {
      members.add(member);
    }
  }

  private static void replace(List<StoredMember> members, StoredMember member) {
    for (int i = 0; i < members.size(); i++) {
      if (members.get(i).user().id().equals(member.user().id())) {
        members.set(i, member);
        return;
      }
    }
    members.add(member);
  }

  private static Optional<StoredMember> find(List<StoredMember> members, StoredUser user) {
    return members.stream().filter(member -> member.user().id().equals(user.id())).findFirst();
  }

  private static Set<String> admins(List<StoredMember> members) {
    Set<String> admins = new HashSet<>();
    for (StoredMember member : members) {
      if (member.role() == ProjectRole.ADMIN) {
        admins.add(member.user().username());
      }
    }
    return admins;
  }
}
