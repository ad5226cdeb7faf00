package dev.dstack.model.wire.project;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

public record ListProjectsRequest(
    @Default("true") boolean includeNotJoined,
    @Nullable String username,
    @Default("false") boolean returnTotalCount,
    @Nullable String namePattern,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("2000") int limit,
    @Default("false") boolean ascending) {
  private static final Pattern NAME_PATTERN = Pattern.compile("[a-zA-Z0-9-_]*");

  public ListProjectsRequest {
    Checks.within("limit", limit, 0, 2000);
    Checks.matches("name_pattern", namePattern, NAME_PATTERN);
  }
}
