package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListInstancesRequest(
    @Nullable List<String> projectNames,
    @Nullable List<UUID> fleetIds,
    @Default("false") boolean onlyActive,
    @Default("false") boolean includeImported,
    @Nullable Instant prevCreatedAt,
    @Nullable UUID prevId,
    @Default("1000") int limit,
    @Default("false") boolean ascending) {
  public ListInstancesRequest {
    projectNames = Frozen.listOrNull(projectNames);
    fleetIds = Frozen.listOrNull(fleetIds);
  }
}
