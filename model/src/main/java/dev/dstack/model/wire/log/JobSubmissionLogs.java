package dev.dstack.model.wire.log;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record JobSubmissionLogs(
    List<LogEvent> logs, @Nullable String externalUrl, @Nullable String nextToken) {
  public JobSubmissionLogs {
    logs = Frozen.list(logs);
  }
}
