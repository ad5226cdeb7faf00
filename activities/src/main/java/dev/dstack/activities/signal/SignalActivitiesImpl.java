package dev.dstack.activities.signal;

import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.instance.InstanceWorkflow;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.job.JobWorkflow;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.SignalActivities;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Sends signals through the client; a receiver that has ended is success. */
public final class SignalActivitiesImpl implements SignalActivities {
  private final WorkflowClient client;

  public SignalActivitiesImpl(WorkflowClient client) {
    this.client = client;
  }

  @Override
  public boolean fleetReserve(String fleetWorkflowId, ReserveRequest request) {
    return send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.reserve(request));
  }

  @Override
  public void fleetRelease(String fleetWorkflowId, ReleaseRequest request) {
    send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.release(request));
  }

  @Override
  public void fleetInstanceReported(String fleetWorkflowId, InstanceReport report) {
    send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.instanceReported(report));
  }

  @Override
  public void runFleetAnswered(String runWorkflowId, FleetAnswer answer) {
    send(RunWorkflow.class, runWorkflowId, run -> run.fleetAnswered(answer));
  }

  @Override
  public void runJobReported(String runWorkflowId, JobReport report) {
    send(RunWorkflow.class, runWorkflowId, run -> run.jobReported(report));
  }

  @Override
  public void jobStop(String jobWorkflowId, JobStop stop) {
    send(JobWorkflow.class, jobWorkflowId, job -> job.stop(stop));
  }

  @Override
  public void instanceTerminate(String instanceWorkflowId, InstanceTermination termination) {
    send(InstanceWorkflow.class, instanceWorkflowId, instance -> instance.terminate(termination));
  }

  @Override
  public List<String> closedWorkflows(List<String> workflowIds) {
    List<String> closed = new ArrayList<>();
    for (String id : workflowIds) {
      if (!isOpen(id)) {
        closed.add(id);
      }
    }
    return closed;
  }

  private boolean isOpen(String workflowId) {
    try {
      return client.newUntypedWorkflowStub(workflowId).describe().getStatus()
          == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    } catch (WorkflowNotFoundException e) {
      return false;
    }
  }

  private <W> boolean send(Class<W> type, String workflowId, Consumer<W> signal) {
    try {
      signal.accept(client.newWorkflowStub(type, workflowId));
      return true;
    } catch (WorkflowNotFoundException e) {
      return false;
    }
  }
}
