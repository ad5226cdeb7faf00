package dev.dstack.workflows.job;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One job submission. Workflow id: {@code job:{runId}:{replica}.{node}.{submission}}. */
@WorkflowInterface
public interface JobWorkflow {
  @WorkflowMethod(name = "Job")
  void run(JobInput input);

  @SignalMethod
  void stop(JobStop stop);

  @QueryMethod
  JobState state();
}
