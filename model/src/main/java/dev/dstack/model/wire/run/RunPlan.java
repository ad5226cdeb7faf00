package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.ApplyAction;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record RunPlan(
    String projectName,
    String user,
    RunSpec runSpec,
    @Nullable RunSpec effectiveRunSpec,
    List<JobPlan> jobPlans,
    @Nullable Run currentResource,
    ApplyAction action) {
  public RunPlan {
    jobPlans = Frozen.list(jobPlans);
  }
}
