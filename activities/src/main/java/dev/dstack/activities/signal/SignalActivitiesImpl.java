package dev.dstack.activities.signal;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
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
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowServiceException;
import java.util.List;
import java.util.function.Consumer;

/** Signals by the client: the sender's history has one event for each. */
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
    return workflowIds.stream().filter(this::isClosed).toList();
  }

  private boolean isClosed(String workflowId) {
    try {
      WorkflowExecutionStatus status =
          client
              .getWorkflowServiceStubs()
              .blockingStub()
              .describeWorkflowExecution(
                  DescribeWorkflowExecutionRequest.newBuilder()
                      .setNamespace(client.getOptions().getNamespace())
                      .setExecution(WorkflowExecution.newBuilder().setWorkflowId(workflowId))
                      .build())
              .getWorkflowExecutionInfo()
              .getStatus();
      return status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return true;
      }
      throw engineDown(e);
    }
  }

  private <W> boolean send(Class<W> workflow, String workflowId, Consumer<W> signal) {
    try {
      signal.accept(client.newWorkflowStub(workflow, workflowId));
      return true;
    } catch (WorkflowNotFoundException _) {
      return false;
    } catch (WorkflowServiceException | StatusRuntimeException e) {
      throw engineDown(e);
    }
  }

  private static DstackException engineDown(RuntimeException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return new DstackException(
        ErrorKind.ENGINE_DOWN, "Temporal does not take the signal: " + cause.getMessage(), e);
  }
}
