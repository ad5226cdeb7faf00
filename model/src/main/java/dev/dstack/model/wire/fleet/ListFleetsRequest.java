package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListFleetsRequest(
    @Nullable String projectName,
    @Default("false") boolean onlyActive,
    @Default("false") boolean includeImported,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("100") int limit,
    @Default("false") boolean ascending) {
  public ListFleetsRequest {
    Checks.within("limit", limit, 0, 100);
  }
}
