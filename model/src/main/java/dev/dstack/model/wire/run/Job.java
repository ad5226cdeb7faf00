package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record Job(
    JobSpec jobSpec,
    List<JobSubmission> jobSubmissions,
    @Nullable JobConnectionInfo jobConnectionInfo) {
  public Job {
    jobSubmissions = Frozen.list(jobSubmissions);
  }
}
