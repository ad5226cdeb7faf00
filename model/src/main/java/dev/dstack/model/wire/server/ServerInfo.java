package dev.dstack.model.wire.server;

import org.jspecify.annotations.Nullable;

public record ServerInfo(@Nullable String serverVersion) {}
