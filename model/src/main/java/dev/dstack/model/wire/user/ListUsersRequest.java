package dev.dstack.model.wire.user;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

public record ListUsersRequest(
    @Default("false") boolean returnTotalCount,
    @Nullable String namePattern,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("2000") int limit,
    @Default("false") boolean ascending) {
  private static final Pattern NAME_PATTERN = Pattern.compile("[a-zA-Z0-9-_]*");

  public ListUsersRequest {
    Checks.within("limit", limit, 0, 2000);
    Checks.matches("name_pattern", namePattern, NAME_PATTERN);
  }
}
