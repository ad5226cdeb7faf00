package dev.dstack.model.wire.configuration;

import org.jspecify.annotations.Nullable;

public record EntityReference(
    @Nullable String project,
    String name) {}
