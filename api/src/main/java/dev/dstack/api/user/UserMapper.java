package dev.dstack.api.user;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.db.records.UserStore.Credentials;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.wire.user.GlobalRole;
import dev.dstack.model.wire.user.User;
import dev.dstack.model.wire.user.UserPermissions;
import dev.dstack.model.wire.user.UserTokenCreds;
import dev.dstack.model.wire.user.UserWithCreds;

public record UserMapper(DefaultPermissions defaults) {
  public User wire(StoredUser user) {
    return new User(
        user.id().value(),
        user.username(),
        user.createdAt(),
        user.globalRole(),
        user.email(),
        user.active(),
        permissions(user.globalRole()),
        user.sshPublicKey());
  }

  public UserWithCreds wire(StoredUser user, Credentials credentials) {
    return new UserWithCreds(
        user.id().value(),
        user.username(),
        user.createdAt(),
        user.globalRole(),
        user.email(),
        user.active(),
        permissions(user.globalRole()),
        user.sshPublicKey(),
        new UserTokenCreds(credentials.token()),
        credentials.sshPrivateKey());
  }

  public boolean mayCreateProjects(GlobalRole role) {
    return role == GlobalRole.ADMIN || defaults.nonAdminsCreateProjects();
  }

  private UserPermissions permissions(GlobalRole role) {
    return new UserPermissions(mayCreateProjects(role));
  }
}
