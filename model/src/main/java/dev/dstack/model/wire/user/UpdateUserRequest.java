package dev.dstack.model.wire.user;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record UpdateUserRequest(
    String username,
    GlobalRole globalRole,
    @Nullable String email,
    @Default("true") boolean active) {}
