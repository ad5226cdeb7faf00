package dev.dstack.activities.signal;

import dev.dstack.activities.support.WorkflowCalls;
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
import io.temporal.client.WorkflowClient;
import java.util.List;

/** Signals by the client: the sender's history has one event for each. */
public final class SignalActivitiesImpl implements SignalActivities {
  private final WorkflowCalls calls;

  public SignalActivitiesImpl(WorkflowClient client) {
    this.calls = new WorkflowCalls(client);
  }

  @Override
  public boolean fleetReserve(String fleetWorkflowId, ReserveRequest request) {
    return calls.signal(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.reserve(request));
  }

  @Override
  public void fleetRelease(String fleetWorkflowId, ReleaseRequest request) {
    calls.signal(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.release(request));
  }

  @Override
  public void fleetInstanceReported(String fleetWorkflowId, InstanceReport report) {
    calls.signal(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.instanceReported(report));
  }

  @Override
  public void runFleetAnswered(String runWorkflowId, FleetAnswer answer) {
    calls.signal(RunWorkflow.class, runWorkflowId, run -> run.fleetAnswered(answer));
  }

  @Override
  public void runJobReported(String runWorkflowId, JobReport report) {
    calls.signal(RunWorkflow.class, runWorkflowId, run -> run.jobReported(report));
  }

  @Override
  public void jobStop(String jobWorkflowId, JobStop stop) {
    calls.signal(JobWorkflow.class, jobWorkflowId, job -> job.stop(stop));
  }

  @Override
  public void instanceTerminate(String instanceWorkflowId, InstanceTermination termination) {
    calls.signal(
        InstanceWorkflow.class, instanceWorkflowId, instance -> instance.terminate(termination));
  }

  @Override
  public List<String> closedWorkflows(List<String> workflowIds) {
    return workflowIds.stream().filter(calls::isClosed).toList();
  }
}
