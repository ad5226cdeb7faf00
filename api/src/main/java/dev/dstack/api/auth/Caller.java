package dev.dstack.api.auth;

import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.GlobalRole;
import org.jspecify.annotations.Nullable;

/** The user whose token the request carries. */
public record Caller(
    UserId id, String username, GlobalRole globalRole, @Nullable String sshPublicKey) {
  public boolean isGlobalAdmin() {
    return globalRole == GlobalRole.ADMIN;
  }
}
