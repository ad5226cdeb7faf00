package dev.dstack.activities.sweep;

import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.sweep.SweepPassWorkflow;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.ScheduleOverlapPolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.schedules.Schedule;
import io.temporal.client.schedules.ScheduleActionStartWorkflow;
import io.temporal.client.schedules.ScheduleAlreadyRunningException;
import io.temporal.client.schedules.ScheduleClient;
import io.temporal.client.schedules.ScheduleClientOptions;
import io.temporal.client.schedules.ScheduleException;
import io.temporal.client.schedules.ScheduleIntervalSpec;
import io.temporal.client.schedules.ScheduleOptions;
import io.temporal.client.schedules.SchedulePolicy;
import io.temporal.client.schedules.ScheduleSpec;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sees to it that the engine has the schedule of the sweep; any number of workers may. */
public final class SweepSchedule implements AutoCloseable {
  public static final String ID = "sweep";
  private static final Logger LOG = LoggerFactory.getLogger(SweepSchedule.class);
  private static final Duration EVERY = Duration.ofMinutes(5);
  private static final Duration CATCH_UP = Duration.ofMinutes(1);
  private static final Duration LOOK_AGAIN = Duration.ofMinutes(1);

  private final WorkflowClient client;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-sweep-schedule").factory());

  public SweepSchedule(WorkflowClient client) {
    this.client = client;
  }

  public void start() {
    timer.execute(this::ensure);
  }

  private void ensure() {
    try {
      create();
    } catch (ScheduleAlreadyRunningException e) {
      LOG.debug("The schedule of the sweep is there");
    } catch (ScheduleException | StatusRuntimeException e) {
      LOG.debug("The schedule of the sweep can't be made now", e);
      if (!timer.isShutdown()) {
        timer.schedule(this::ensure, LOOK_AGAIN.toSeconds(), TimeUnit.SECONDS);
      }
    }
  }

  private void create() {
    ScheduleClient schedules =
        ScheduleClient.newInstance(
            client.getWorkflowServiceStubs(),
            ScheduleClientOptions.newBuilder()
                .setNamespace(client.getOptions().getNamespace())
                .setDataConverter(client.getOptions().getDataConverter())
                .build());
    schedules.createSchedule(
        ID,
        Schedule.newBuilder()
            .setAction(
                ScheduleActionStartWorkflow.newBuilder()
                    .setWorkflowType(SweepPassWorkflow.class)
                    .setOptions(
                        WorkflowOptions.newBuilder()
                            .setWorkflowId("sweep-pass")
                            .setTaskQueue(TaskQueues.CONTROL)
                            .setStaticSummary("machines without an owner")
                            // The SDK can't read a schedule that has the one without the other.
                            .setStaticDetails("Looks for them in every region, and ends them.")
                            .build())
                    .build())
            .setSpec(
                ScheduleSpec.newBuilder()
                    .setIntervals(List.of(new ScheduleIntervalSpec(EVERY)))
                    .build())
            .setPolicy(
                SchedulePolicy.newBuilder()
                    .setOverlap(ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP)
                    .setCatchupWindow(CATCH_UP)
                    .build())
            .build(),
        ScheduleOptions.newBuilder().build());
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
