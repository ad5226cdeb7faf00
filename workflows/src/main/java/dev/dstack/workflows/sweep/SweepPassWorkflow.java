package dev.dstack.workflows.sweep;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One pass over all regions of all backends; the next one is a new workflow of the schedule. */
@WorkflowInterface
public interface SweepPassWorkflow {
  @WorkflowMethod(name = "SweepPass")
  SweepNews pass();
}
