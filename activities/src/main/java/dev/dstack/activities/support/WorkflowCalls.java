package dev.dstack.activities.support;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowServiceException;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Signals and queries to workflows by the client. That there is no such workflow (any more) is an
 * answer; that Temporal does not answer is ENGINE_DOWN, to be tried again.
 */
public final class WorkflowCalls {
  private final WorkflowClient client;

  public WorkflowCalls(WorkflowClient client) {
    this.client = client;
  }

  /**
   * @return false: there is no such workflow
   */
  public <W> boolean signal(Class<W> workflow, String workflowId, Consumer<W> signal) {
    return ask(
            workflow,
            workflowId,
            stub -> {
              signal.accept(stub);
              return true;
            })
        .isPresent();
  }

  /** Empty: there is no such workflow. */
  public <W, A> Optional<A> ask(Class<W> workflow, String workflowId, Function<W, A> query) {
    try {
      return Optional.of(query.apply(client.newWorkflowStub(workflow, workflowId)));
    } catch (WorkflowNotFoundException _) {
      return Optional.empty();
    } catch (WorkflowServiceException | StatusRuntimeException e) {
      throw engineDown(e);
    }
  }

  /** Whether it has ended, or was never there. */
  public boolean isClosed(String workflowId) {
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

  private static DstackException engineDown(RuntimeException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return new DstackException(
        ErrorKind.ENGINE_DOWN, "Temporal does not answer: " + cause.getMessage(), e);
  }
}
