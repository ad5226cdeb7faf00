package dev.dstack.activities.worker;

import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.VolumeActivities;
import dev.dstack.workflows.support.SignalActivities;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.support.WorkflowTypes;
import dev.dstack.workflows.view.ProjectionActivities;
import io.temporal.client.WorkflowClient;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The workers of one process: one per task queue, so that long watches can't starve anything else.
 */
public final class Workers implements AutoCloseable {
  /**
   * Entities are idle most of the time; one that is not cached is replayed in some milliseconds.
   */
  private static final int CACHED_WORKFLOWS = 600;

  private static final int WATCHES_MAX = 5_000;
  private static final int CLOUD_CALLS_MAX = 1_200;
  private static final int CONTROL_TASKS_MAX = 100;
  private static final Duration SHUTDOWN_WAIT = Duration.ofSeconds(5);

  private final WorkerFactory factory;

  private Workers(WorkerFactory factory) {
    this.factory = factory;
  }

  /** What the workers run. */
  public record Ports(
      ProjectionActivities projections,
      SignalActivities signals,
      AgentActivities agents,
      CloudActivities cloud,
      VolumeActivities volumes) {}

  public static Workers start(WorkflowClient client, Ports ports) {
    WorkerFactory factory =
        WorkerFactory.newInstance(
            client,
            WorkerFactoryOptions.newBuilder()
                .setWorkflowCacheSize(CACHED_WORKFLOWS)
                .setUsingVirtualWorkflowThreads(true)
                .build());
    Worker control =
        factory.newWorker(
            TaskQueues.CONTROL,
            WorkerOptions.newBuilder()
                .setMaxConcurrentWorkflowTaskExecutionSize(CONTROL_TASKS_MAX)
                .setMaxConcurrentLocalActivityExecutionSize(CONTROL_TASKS_MAX)
                .setMaxConcurrentActivityExecutionSize(CONTROL_TASKS_MAX)
                .setMaxConcurrentWorkflowTaskPollers(4)
                .setMaxConcurrentActivityTaskPollers(1)
                .setUsingVirtualThreadsOnActivityWorker(true)
                .setUsingVirtualThreadsOnLocalActivityWorker(true)
                .build());
    control.registerWorkflowImplementationTypes(WorkflowTypes.options(), WorkflowTypes.all());
    control.registerActivitiesImplementations(ports.projections(), ports.signals());
    Worker agents =
        factory.newWorker(
            TaskQueues.AGENTS,
            WorkerOptions.newBuilder()
                .setMaxConcurrentActivityExecutionSize(WATCHES_MAX)
                .setMaxConcurrentActivityTaskPollers(3)
                .setUsingVirtualThreadsOnActivityWorker(true)
                .setLocalActivityWorkerOnly(false)
                .build());
    // Watching a host is a call to a provider's port that lasts, so it goes where watches go.
    agents.registerActivitiesImplementations(ports.agents(), ports.cloud());
    Worker cloud =
        factory.newWorker(
            TaskQueues.CLOUD,
            WorkerOptions.newBuilder()
                .setMaxConcurrentActivityExecutionSize(CLOUD_CALLS_MAX)
                .setMaxConcurrentActivityTaskPollers(2)
                .setUsingVirtualThreadsOnActivityWorker(true)
                .build());
    cloud.registerActivitiesImplementations(ports.cloud(), ports.volumes());
    factory.start();
    return new Workers(factory);
  }

  /** Running activities are interrupted and taken up by another worker, or by the next start. */
  @Override
  public void close() {
    factory.shutdownNow();
    factory.awaitTermination(SHUTDOWN_WAIT.toMillis(), TimeUnit.MILLISECONDS);
  }
}
