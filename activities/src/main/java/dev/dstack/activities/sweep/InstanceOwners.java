package dev.dstack.activities.sweep;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.WorkflowIds;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import java.util.function.Predicate;

/** Whether an instance has an open workflow, as the engine says; never as our tables say. */
public final class InstanceOwners implements Predicate<InstanceId> {
  private final WorkflowClient client;

  public InstanceOwners(WorkflowClient client) {
    this.client = client;
  }

  @Override
  public boolean test(InstanceId instance) {
    try {
      return client.newUntypedWorkflowStub(WorkflowIds.instance(instance)).describe().getStatus()
          == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    } catch (WorkflowNotFoundException e) {
      return false;
    }
  }
}
