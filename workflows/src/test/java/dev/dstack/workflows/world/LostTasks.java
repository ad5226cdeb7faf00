package dev.dstack.workflows.world;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall;
import io.grpc.ForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.temporal.api.enums.v1.WorkflowTaskFailedCause;
import io.temporal.api.workflowservice.v1.RespondWorkflowTaskCompletedRequest;
import io.temporal.api.workflowservice.v1.RespondWorkflowTaskFailedRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Loses the result of a workflow task on its way to the server, as when the worker dies after the
 * task's local activities have had their effects. The server is told that the task failed instead
 * of finding it out by a timeout, which would cost real time.
 */
final class LostTasks implements ClientInterceptor {
  private final Set<String> doomed = new HashSet<>();
  private int lost;

  /** The task of this workflow that is under way will not be recorded. */
  synchronized void lose(String workflowId) {
    doomed.add(workflowId);
  }

  synchronized int lost() {
    return lost;
  }

  private synchronized boolean isDoomed(RespondWorkflowTaskCompletedRequest request) {
    String token = request.getTaskToken().toString(StandardCharsets.ISO_8859_1);
    boolean hit = doomed.removeIf(token::contains);
    lost += hit ? 1 : 0;
    return hit;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel channel) {
    return new ForwardingClientCall.SimpleForwardingClientCall<>(channel.newCall(method, options)) {
      private boolean swallowed;

      /** An error that the client does not try again. */
      @Override
      public void start(Listener<A> responseListener, Metadata headers) {
        super.start(
            new ForwardingClientCallListener.SimpleForwardingClientCallListener<>(
                responseListener) {
              @Override
              public void onClose(Status status, Metadata trailers) {
                super.onClose(swallowed ? Status.NOT_FOUND : status, trailers);
              }
            },
            headers);
      }

      @Override
      public void sendMessage(Q message) {
        if (message instanceof RespondWorkflowTaskCompletedRequest completed
            && isDoomed(completed)) {
          swallowed = true;
          WorkflowServiceGrpc.newFutureStub(channel)
              .respondWorkflowTaskFailed(
                  RespondWorkflowTaskFailedRequest.newBuilder()
                      .setNamespace(completed.getNamespace())
                      .setTaskToken(completed.getTaskToken())
                      .setIdentity(completed.getIdentity())
                      .setCause(
                          WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND)
                      .build());
          super.cancel("the worker is gone", null);
        } else {
          super.sendMessage(message);
        }
      }

      @Override
      public void halfClose() {
        if (!swallowed) {
          super.halfClose();
        }
      }
    };
  }
}
