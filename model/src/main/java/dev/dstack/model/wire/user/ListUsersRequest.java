package dev.dstack.model.wire.user;

import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListUsersRequest(
    @Default("false") boolean returnTotalCount,
    @Nullable String namePattern,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("2000") int limit,
    @Default("false") boolean ascending) {}
