package dev.dstack.server;

import io.grpc.Status;
import io.temporal.client.WorkflowClient;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.CompletableFuture;

/**
 * A Temporal client whose server is still coming up. Until then every call fails as it does while
 * Temporal is down, which its users have to bear anyway; so HTTP is there seconds earlier.
 */
final class LateClient {
  private LateClient() {}

  static WorkflowClient of(CompletableFuture<WorkflowClient> client) {
    return (WorkflowClient)
        Proxy.newProxyInstance(
            LateClient.class.getClassLoader(),
            new Class<?>[] {WorkflowClient.class},
            (proxy, method, args) -> {
              if (!client.isDone() || client.isCompletedExceptionally()) {
                throw Status.UNAVAILABLE
                    .withDescription("Temporal is starting")
                    .asRuntimeException();
              }
              try {
                return method.invoke(client.join(), args);
              } catch (InvocationTargetException e) {
                throw e.getCause() == null ? e : e.getCause();
              }
            });
  }
}
