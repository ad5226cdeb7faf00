package dev.dstack.api.why;

import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.FleetWhy;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.run.RunWhy;
import dev.dstack.workflows.run.RunWorkflow;
import io.grpc.Context;
import io.temporal.client.WorkflowClient;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks workflows; nobody answers when they are over, or Temporal or all workers are away. */
public final class LiveQuestions implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LiveQuestions.class);
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final WorkflowClient client;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("why-timer").factory());

  public LiveQuestions(WorkflowClient client) {
    this.client = client;
  }

  Optional<RunWhy> run(String project, String name) {
    return asked(
        () -> client.newWorkflowStub(RunWorkflow.class, WorkflowIds.run(project, name)).why());
  }

  Optional<FleetWhy> fleet(FleetRef fleet, RunId run) {
    return asked(
        () ->
            client
                .newWorkflowStub(
                    FleetWorkflow.class, WorkflowIds.fleet(fleet.project(), fleet.name()))
                .why(run));
  }

  private <T> Optional<T> asked(Supplier<T> question) {
    AtomicReference<T> answer = new AtomicReference<>();
    try (Context.CancellableContext context =
        Context.current().withDeadlineAfter(PATIENCE.toMillis(), TimeUnit.MILLISECONDS, timer)) {
      context.run(() -> answer.set(question.get()));
    } catch (RuntimeException e) {
      LOG.debug("a workflow does not answer a question", e);
    }
    return Optional.ofNullable(answer.get());
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
