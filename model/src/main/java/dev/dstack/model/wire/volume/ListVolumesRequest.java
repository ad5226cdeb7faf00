package dev.dstack.model.wire.volume;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListVolumesRequest(
    @Nullable String projectName,
    @Default("false") boolean onlyActive,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("100") int limit,
    @Default("false") boolean ascending) {
  public ListVolumesRequest {
    Checks.within("limit", limit, 0, 100);
  }
}
