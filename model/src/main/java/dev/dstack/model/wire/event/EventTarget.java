package dev.dstack.model.wire.event;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record EventTarget(
    String type,
    @Nullable UUID projectId,
    @Nullable String projectName,
    @Nullable Boolean isProjectDeleted,
    UUID id,
    String name) {}
