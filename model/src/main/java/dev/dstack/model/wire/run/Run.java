package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Run(
    UUID id,
    String projectName,
    String user,
    @Nullable RunFleet fleet,
    Instant submittedAt,
    Instant lastProcessedAt,
    RunStatus status,
    @Default("''") String statusMessage,
    @Nullable String terminationReason,
    RunSpec runSpec,
    List<Job> jobs,
    @Nullable JobSubmission latestJobSubmission,
    @Default("0.0") double cost,
    @Nullable ServiceSpec service,
    @Default("0") int deploymentNum,
    @Nullable String error,
    @Nullable Boolean deleted,
    @Nullable Instant nextTriggeredAt) {
  public Run {
    jobs = Frozen.list(jobs);
  }
}
