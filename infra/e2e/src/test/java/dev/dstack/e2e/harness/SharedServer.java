package dev.dstack.e2e.harness;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestWatcher;

/** One server for all test classes that do not harm it; its logs are kept when a test fails. */
public final class SharedServer implements ParameterResolver, TestWatcher {
  private static @Nullable ServerProcess server;
  private static @Nullable Throwable failure;

  /** Ended with this JVM, since no class knows which is the last. */
  public static synchronized ServerProcess get() {
    if (failure != null) {
      // Each test would wait for its own start otherwise.
      throw new IllegalStateException("The server did not start before: " + failure, failure);
    }
    ServerProcess running = server;
    if (running == null) {
      ServerProcess created =
          ServerProcess.prepare(ServerProcess.newHome(), "", java.util.Map.of());
      Runtime.getRuntime().addShutdownHook(new Thread(created::close, "end-shared-server"));
      try {
        created.startAgain().awaitReady();
      } catch (RuntimeException | AssertionError e) {
        failure = e;
        created.keepLogs("start");
        throw e;
      }
      server = created;
      running = created;
    }
    return running;
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == ServerProcess.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return get();
  }

  @Override
  public void testFailed(ExtensionContext context, Throwable cause) {
    ServerProcess running = server;
    if (running != null) {
      running.keepLogs(
          context.getRequiredTestClass().getSimpleName() + "." + context.getDisplayName());
    }
  }
}
