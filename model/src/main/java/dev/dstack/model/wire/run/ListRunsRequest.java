package dev.dstack.model.wire.run;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record ListRunsRequest(
    @Nullable String projectName,
    @Nullable String repoId,
    @Nullable String username,
    @Default("false") boolean onlyActive,
    @Default("true") boolean includeJobs,
    @Nullable Integer jobSubmissionsLimit,
    @Nullable Instant prevSubmittedAt,
    @Nullable UUID prevRunId,
    @Default("100") int limit,
    @Default("false") boolean ascending) {
  public ListRunsRequest {
    Checks.within("limit", limit, 0, 100);
    Checks.within("job_submissions_limit", jobSubmissionsLimit, 0, 10);
  }
}
