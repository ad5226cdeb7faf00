package dev.dstack.model.wire.user;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record UserWithCreds(
    UUID id,
    String username,
    @Nullable Instant createdAt,
    GlobalRole globalRole,
    @Nullable String email,
    boolean active,
    UserPermissions permissions,
    @Nullable String sshPublicKey,
    UserTokenCreds creds,
    @Nullable String sshPrivateKey) {
  @Override
  public String toString() {
    return "UserWithCreds[username=" + username + ", ***]";
  }
}
