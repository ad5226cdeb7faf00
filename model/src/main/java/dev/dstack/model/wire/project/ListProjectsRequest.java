package dev.dstack.model.wire.project;

import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListProjectsRequest(
    @Default("true") boolean includeNotJoined,
    @Nullable String username,
    @Default("false") boolean returnTotalCount,
    @Nullable String namePattern,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("2000") int limit,
    @Default("false") boolean ascending) {}
