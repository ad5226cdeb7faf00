package dev.dstack.activities.catalog;

import dev.dstack.workflows.catalog.CatalogRefreshWorkflow;
import dev.dstack.workflows.support.TaskQueues;
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
import io.temporal.client.schedules.ScheduleUpdate;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that the engine has the schedule by which prices are refreshed, as this server is
 * configured, or has none; any number of workers may.
 */
public final class CatalogSchedule implements AutoCloseable {
  public static final String ID = "catalog:" + CatalogActivitiesImpl.AWS;
  private static final Logger LOG = LoggerFactory.getLogger(CatalogSchedule.class);
  private static final Duration LOOK_AGAIN = Duration.ofMinutes(1);

  private final WorkflowClient client;
  private final @Nullable Duration every;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-catalog-schedule").factory());

  /**
   * @param every absent: no schedule
   */
  public CatalogSchedule(WorkflowClient client, @Nullable Duration every) {
    this.client = client;
    this.every = every;
  }

  public void start() {
    timer.execute(this::ensure);
  }

  private void ensure() {
    try {
      arrange();
    } catch (ScheduleException | StatusRuntimeException e) {
      LOG.debug("The schedule of the price lists can't be arranged now", e);
      if (!timer.isShutdown()) {
        timer.schedule(this::ensure, LOOK_AGAIN.toSeconds(), TimeUnit.SECONDS);
      }
    }
  }

  private void arrange() {
    ScheduleClient schedules =
        ScheduleClient.newInstance(
            client.getWorkflowServiceStubs(),
            ScheduleClientOptions.newBuilder()
                .setNamespace(client.getOptions().getNamespace())
                .setDataConverter(client.getOptions().getDataConverter())
                .build());
    Duration period = every;
    if (period == null) {
      delete(schedules);
      return;
    }
    Schedule schedule = schedule(period);
    try {
      schedules.createSchedule(ID, schedule, ScheduleOptions.newBuilder().build());
    } catch (ScheduleAlreadyRunningException e) {
      update(schedules, schedule);
    }
  }

  private static void update(ScheduleClient schedules, Schedule schedule) {
    try {
      schedules.getHandle(ID).update(_ -> new ScheduleUpdate(schedule));
    } catch (ScheduleException e) {
      // Such as one of an earlier version, without details, which this SDK can't read.
      LOG.debug("The schedule of the price lists can't be updated and is made anew", e);
      delete(schedules);
      schedules.createSchedule(ID, schedule, ScheduleOptions.newBuilder().build());
    }
  }

  private static void delete(ScheduleClient schedules) {
    try {
      schedules.getHandle(ID).delete();
    } catch (ScheduleException e) {
      LOG.debug("There is no schedule of the price lists to delete", e);
    }
  }

  private static Schedule schedule(Duration period) {
    return Schedule.newBuilder()
        .setAction(
            ScheduleActionStartWorkflow.newBuilder()
                .setWorkflowType(CatalogRefreshWorkflow.class)
                .setArguments(CatalogActivitiesImpl.AWS)
                .setOptions(
                    WorkflowOptions.newBuilder()
                        .setWorkflowId(ID)
                        .setTaskQueue(TaskQueues.CONTROL)
                        .setStaticSummary("prices of aws")
                        // The SDK can't read a schedule that has the one without the other.
                        .setStaticDetails("Brings the prices up to date that offers are made of.")
                        .build())
                .build())
        .setSpec(
            ScheduleSpec.newBuilder()
                .setIntervals(List.of(new ScheduleIntervalSpec(period)))
                .build())
        .setPolicy(
            SchedulePolicy.newBuilder()
                .setOverlap(ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP)
                .build())
        .build();
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
