package dev.dstack.model.wire.user;

import org.jspecify.annotations.Nullable;

public record AddPublicKeyRequest(String key, @Nullable String name) {}
