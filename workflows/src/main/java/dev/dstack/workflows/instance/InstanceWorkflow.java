package dev.dstack.workflows.instance;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One machine. Workflow id: {@code instance:{id}}. */
@WorkflowInterface
public interface InstanceWorkflow {
  @WorkflowMethod(name = "Instance")
  void run(InstanceInput input);

  @SignalMethod
  void terminate(InstanceTermination termination);

  @QueryMethod
  InstanceState state();
}
