package dev.dstack.activities.worker;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.dstack.model.error.ErrorKind;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.api.failure.v1.ApplicationFailureInfo;
import io.temporal.api.failure.v1.Failure;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflow.v1.WorkflowExecutionInfo;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsRequest;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsResponse;
import io.temporal.api.workflowservice.v1.RespondActivityTaskFailedByIdRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.client.WorkflowClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Activities of a process that was killed. Temporal learns of its end only by a missing heartbeat,
 * up to half a minute later; the process that takes its place can see it at once, and says so.
 */
final class LeftCalls {
  private static final Logger LOG = LoggerFactory.getLogger(LeftCalls.class);

  /** Those whose activities reach out; what a run waits for takes seconds anyway. */
  private static final String QUERY =
      "ExecutionStatus = 'Running' AND WorkflowType IN ('Job', 'Instance', 'Fleet', 'Volume')";

  private static final int PAGE = 500;
  private static final int AT_ONCE = 4;
  private static final Duration AGAIN_AFTER = Duration.ofMillis(100);

  private final WorkflowServiceBlockingStub temporal;
  private final String namespace;
  private final String identity;
  private final LeftQueues leftQueues;
  private final AtomicInteger handedOn = new AtomicInteger();
  private volatile boolean closed;

  LeftCalls(WorkflowClient client) {
    temporal = client.getWorkflowServiceStubs().blockingStub();
    namespace = client.getOptions().getNamespace();
    identity = client.getOptions().getIdentity();
    leftQueues = new LeftQueues(client);
  }

  void start() {
    Thread.ofVirtual().name("left-calls").start(this::handOn);
  }

  void close() {
    closed = true;
  }

  /** Without it all goes on as well, only later: so it is tried once. */
  private void handOn() {
    try (ExecutorService executor =
        Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().factory())) {
      ByteString next = ByteString.EMPTY;
      do {
        ListWorkflowExecutionsResponse page =
            temporal.listWorkflowExecutions(
                ListWorkflowExecutionsRequest.newBuilder()
                    .setNamespace(namespace)
                    .setQuery(QUERY)
                    .setPageSize(PAGE)
                    .setNextPageToken(next)
                    .build());
        if (next.isEmpty()) {
          leftQueues.close(page.getExecutionsList());
        }
        List<Callable<Void>> all = new ArrayList<>();
        for (WorkflowExecutionInfo info : page.getExecutionsList()) {
          all.add(
              () -> {
                handOn(info.getExecution());
                return null;
              });
        }
        executor.invokeAll(all);
        next = page.getNextPageToken();
      } while (!next.isEmpty() && !closed);
      int count = handedOn.get();
      if (count > 0) {
        LOG.info("Took over {} activities of a process that has ended", count);
      }
    } catch (StatusRuntimeException e) {
      LOG.info("Could not look for activities of processes that have ended: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void handOn(WorkflowExecution execution) {
    if (closed) {
      return;
    }
    try {
      List<PendingActivityInfo> pending =
          temporal
              .describeWorkflowExecution(
                  DescribeWorkflowExecutionRequest.newBuilder()
                      .setNamespace(namespace)
                      .setExecution(execution)
                      .build())
              .getPendingActivitiesList();
      for (PendingActivityInfo activity : pending) {
        if (isLeft(activity)) {
          fail(execution, activity);
          handedOn.incrementAndGet();
        }
      }
    } catch (StatusRuntimeException e) {
      // It has ended meanwhile, or somebody else was quicker.
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
        LOG.debug("Could not hand on the activities of {}", execution.getWorkflowId(), e);
      }
    }
  }

  private static boolean isLeft(PendingActivityInfo activity) {
    return activity.getState() == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        && WorkerIdentity.parse(activity.getLastWorkerIdentity())
            .filter(WorkerIdentity::hasEnded)
            .isPresent();
  }

  private void fail(WorkflowExecution execution, PendingActivityInfo activity) {
    temporal.respondActivityTaskFailedById(
        RespondActivityTaskFailedByIdRequest.newBuilder()
            .setNamespace(namespace)
            .setWorkflowId(execution.getWorkflowId())
            .setRunId(execution.getRunId())
            .setActivityId(activity.getActivityId())
            .setIdentity(identity)
            .setFailure(
                Failure.newBuilder()
                    .setMessage(
                        "Process "
                            + activity.getLastWorkerIdentity()
                            + " has ended; another one goes on.")
                    .setSource("dstack")
                    .setApplicationFailureInfo(
                        ApplicationFailureInfo.newBuilder()
                            .setType(ErrorKind.AGENT_UNREACHABLE.name())
                            .setNextRetryDelay(Durations.fromMillis(AGAIN_AFTER.toMillis()))))
            .build());
  }
}
