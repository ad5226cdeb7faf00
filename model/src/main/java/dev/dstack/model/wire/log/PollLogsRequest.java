package dev.dstack.model.wire.log;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record PollLogsRequest(
    String runName,
    UUID jobSubmissionId,
    @Nullable Instant startTime,
    @Nullable Instant endTime,
    @Default("false") boolean descending,
    @Nullable String nextToken,
    @Default("100") int limit,
    @Default("false") boolean diagnose) {
  public PollLogsRequest {
    Checks.within("limit", limit, 0, 1000);
  }
}
