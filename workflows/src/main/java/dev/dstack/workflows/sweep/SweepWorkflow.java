package dev.dstack.workflows.sweep;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One pass in one region. Workflow id: {@code sweep:{project id}:{backend}:{region}}. */
@WorkflowInterface
public interface SweepWorkflow {
  @WorkflowMethod(name = "Sweep")
  SweepNews sweep(SweepTarget target);
}
