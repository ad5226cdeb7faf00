package dev.dstack.activities.worker;

import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueKind;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflow.v1.WorkflowExecutionInfo;
import io.temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryReverseRequest;
import io.temporal.api.workflowservice.v1.ShutdownWorkerRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.client.WorkflowClient;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queues that processes had for themselves, to get the workflows that they know. Temporal goes
 * on putting tasks there for ten seconds after a process was killed, and each waits five seconds
 * for it: a job and its run, one after the other. A process that stops in order closes its queue;
 * for one that could not, this is done by the next on its machine.
 */
final class LeftQueues {
  private static final Logger LOG = LoggerFactory.getLogger(LeftQueues.class);

  /** Only the newest are looked at: a process that had none of them left little behind. */
  private static final int EXECUTIONS = 20;

  /** Far enough back to find where the last decision was asked for. */
  private static final int EVENTS = 20;

  private final WorkflowServiceBlockingStub temporal;
  private final String namespace;
  private final String identity;

  LeftQueues(WorkflowClient client) {
    temporal = client.getWorkflowServiceStubs().blockingStub();
    namespace = client.getOptions().getNamespace();
    identity = client.getOptions().getIdentity();
  }

  /**
   * @param some workflows that processes before this one may have had
   */
  void close(List<WorkflowExecutionInfo> some) {
    Set<String> left = new HashSet<>();
    for (WorkflowExecutionInfo info : some.subList(0, Math.min(EXECUTIONS, some.size()))) {
      attempt(() -> left.addAll(leftQueues(info)));
    }
    left.forEach(queue -> attempt(() -> close(queue)));
  }

  /** Without it all goes on as well, only later. */
  private static void attempt(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      LOG.debug("Could not close the queues of processes that have ended", e);
    }
  }

  private List<String> leftQueues(WorkflowExecutionInfo info) {
    return temporal
        .getWorkflowExecutionHistoryReverse(
            GetWorkflowExecutionHistoryReverseRequest.newBuilder()
                .setNamespace(namespace)
                .setExecution(info.getExecution())
                .setMaximumPageSize(EVENTS)
                .build())
        .getHistory()
        .getEventsList()
        .stream()
        .filter(HistoryEvent::hasWorkflowTaskScheduledEventAttributes)
        .map(event -> event.getWorkflowTaskScheduledEventAttributes().getTaskQueue())
        .filter(LeftQueues::isLeft)
        .map(TaskQueue::getName)
        .toList();
  }

  private void close(String queue) {
    temporal.shutdownWorker(
        ShutdownWorkerRequest.newBuilder()
            .setNamespace(namespace)
            .setStickyTaskQueue(queue)
            .setIdentity(identity)
            .setReason("its process has ended")
            .build());
    LOG.debug("Closed the queue {} of a process that has ended", queue);
  }

  /** The SDK names such a queue by the identity of its worker and something random. */
  static boolean isLeft(TaskQueue queue) {
    int random = queue.getName().lastIndexOf(':');
    return queue.getKind() == TaskQueueKind.TASK_QUEUE_KIND_STICKY
        && random > 0
        && WorkerIdentity.parse(queue.getName().substring(0, random))
            .filter(WorkerIdentity::hasEnded)
            .isPresent();
  }
}
