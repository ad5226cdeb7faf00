package dev.dstack.model.wire.run;

import dev.dstack.model.job.JobStatus;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record JobSubmission(
    UUID id,
    int submissionNum,
    @Default("0") int deploymentNum,
    Instant submittedAt,
    Instant lastProcessedAt,
    @Nullable Instant finishedAt,
    @Nullable Integer inactivitySecs,
    JobStatus status,
    @Default("''") String statusMessage,
    @Nullable String terminationReason,
    @Nullable String terminationReasonMessage,
    @Nullable Integer exitStatus,
    @Nullable JobProvisioningData jobProvisioningData,
    @Nullable JobRuntimeData jobRuntimeData,
    @Nullable String error,
    @Default("[]") List<Probe> probes,
    @Nullable ImagePullProgress imagePullProgress) {
  public JobSubmission {
    probes = Frozen.list(probes);
  }
}
