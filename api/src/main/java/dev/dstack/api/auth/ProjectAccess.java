package dev.dstack.api.auth;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.ProjectRole;
import org.jspecify.annotations.Nullable;

/**
 * The project that a path names, and what the caller is in it.
 *
 * @param role absent: not a member
 */
public record ProjectAccess(
    ProjectId id,
    String name,
    UserId ownerId,
    boolean isPublic,
    Caller caller,
    @Nullable ProjectRole role) {
  public boolean isAdmin() {
    return caller.isGlobalAdmin() || role == ProjectRole.ADMIN;
  }

  public boolean isManager() {
    return isAdmin() || role == ProjectRole.MANAGER;
  }

  public boolean isMember() {
    return caller.isGlobalAdmin() || role != null;
  }
}
