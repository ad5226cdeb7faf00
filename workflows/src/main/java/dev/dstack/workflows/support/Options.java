package dev.dstack.workflows.support;

import dev.dstack.model.error.ErrorKind;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.common.RetryOptions;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.TimerOptions;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The only place where options of activities, timers and child workflows are built. */
public final class Options {
  /** What kind of call it is decides about its limits and who carries it out. */
  public enum Call {
    /** Local: one history event, but it blocks the workflow, so it gives up after 3 s. */
    LOCAL,
    /** What a local call becomes when its database or engine is away. */
    LOCAL_FALLBACK,
    /** A question about other workflows: some dozens of calls to the engine. */
    ENGINE_QUERY,
    AGENT_CALL,
    WATCH_TASK,
    WATCH_HOST,
    CLOUD_OFFERS,
    CLOUD_CREATE,
    CLOUD_POLL,
    /** Ends when it has succeeded. */
    CLOUD_UNDO,
    /** A list of machines, and for each a question to the engine. */
    SWEEP,
    /** Hundreds of megabytes for each region. */
    PRICE_LIST,
    VOLUME,
    VOLUME_UNDO
  }

  /** How long a host may take from its creation to an agent that answers. */
  public static final Duration PROVISIONING_DEADLINE = Duration.ofMinutes(10);

  /**
   * A fleet of a thousand machines costs four heartbeats a second by it, not forty. What it delays
   * is only how soon the watch goes on elsewhere after its worker was lost with its whole machine;
   * a worker that is started again takes its watches over at once, and jobs have a watch of their
   * own.
   */
  public static final Duration HOST_HEARTBEAT = Duration.ofMinutes(5);

  private static final String[] FINAL_KINDS =
      Arrays.stream(ErrorKind.values())
          .filter(kind -> !kind.retryable())
          .map(ErrorKind::name)
          .toArray(String[]::new);

  private Options() {}

  /**
   * A local activity of the Java SDK is not retried unless schedule-to-close or maximum attempts is
   * set: both are.
   */
  public static LocalActivityOptions local(String summary) {
    return LocalActivityOptions.newBuilder()
        .setStartToCloseTimeout(Duration.ofSeconds(1))
        .setScheduleToCloseTimeout(Duration.ofSeconds(3))
        .setRetryOptions(
            RetryOptions.newBuilder()
                .setInitialInterval(Duration.ofMillis(100))
                .setMaximumAttempts(3)
                .setDoNotRetry(FINAL_KINDS)
                .build())
        .setDoNotIncludeArgumentsIntoMarker(true)
        .setSummary(summary)
        .build();
  }

  public static ActivityOptions of(Call call, String summary) {
    return switch (call) {
      case LOCAL -> throw new IllegalArgumentException("a local call has local options");
      case LOCAL_FALLBACK ->
          build(TaskQueues.CONTROL, summary, seconds(10), null, null, retry(1, 30, 2));
      case ENGINE_QUERY ->
          build(TaskQueues.CONTROL, summary, seconds(60), null, minutes(5), retry(1, 30, 2));
      case AGENT_CALL ->
          build(TaskQueues.AGENTS, summary, seconds(20), null, minutes(2), retry(1, 10, 2));
      case WATCH_TASK ->
          build(
              TaskQueues.AGENTS, summary, Duration.ofHours(24), seconds(30), null, retry(1, 30, 2));
      case WATCH_HOST ->
          build(
              TaskQueues.AGENTS,
              summary,
              Duration.ofHours(24),
              HOST_HEARTBEAT,
              null,
              retry(1, 30, 2));
      case CLOUD_OFFERS ->
          build(TaskQueues.CLOUD, summary, seconds(30), null, minutes(1), retry(1, 10, 2));
      case CLOUD_CREATE ->
          build(TaskQueues.CLOUD, summary, seconds(120), null, minutes(10), retry(2, 60, 2));
      case CLOUD_POLL ->
          build(
              TaskQueues.CLOUD,
              summary,
              // Over a slow line the host agent is copied for a while.
              seconds(180),
              null,
              PROVISIONING_DEADLINE,
              retry(1, 5, 1.5));
      case CLOUD_UNDO ->
          build(TaskQueues.CLOUD, summary, seconds(120), null, null, retry(5, 600, 2));
      case SWEEP ->
          build(TaskQueues.CLOUD, summary, seconds(120), null, minutes(4), retry(2, 30, 2));
      case PRICE_LIST ->
          build(
              TaskQueues.CLOUD,
              summary,
              Duration.ofHours(2),
              seconds(60),
              Duration.ofHours(6),
              retry(60, 1_800, 2));
      case VOLUME ->
          build(TaskQueues.CLOUD, summary, seconds(120), null, minutes(5), retry(2, 30, 2));
      case VOLUME_UNDO ->
          build(TaskQueues.CLOUD, summary, seconds(120), null, minutes(15), retry(2, 60, 2));
    };
  }

  public static TimerOptions timer(String summary) {
    return TimerOptions.newBuilder().setSummary(summary).build();
  }

  /** A child outlives every run of its parent; they talk by signals. */
  public static ChildWorkflowOptions child(
      String workflowId, String summary, io.temporal.common.SearchAttributes attributes) {
    return ChildWorkflowOptions.newBuilder()
        .setWorkflowId(workflowId)
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
        .setParentClosePolicy(ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON)
        .setTaskQueue(TaskQueues.CONTROL)
        .setTypedSearchAttributes(attributes)
        .setStaticSummary(summary)
        .build();
  }

  /** A child of a pass: its id is free again for the next pass, and with its pass it ends. */
  public static ChildWorkflowOptions repeatedChild(
      String workflowId, String summary, io.temporal.common.SearchAttributes attributes) {
    return ChildWorkflowOptions.newBuilder()
        .setWorkflowId(workflowId)
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setTaskQueue(TaskQueues.CONTROL)
        .setTypedSearchAttributes(attributes)
        .setStaticSummary(summary)
        .build();
  }

  private static ActivityOptions build(
      String queue,
      String summary,
      Duration startToClose,
      @Nullable Duration heartbeat,
      @Nullable Duration scheduleToClose,
      RetryOptions retry) {
    ActivityOptions.Builder options =
        ActivityOptions.newBuilder()
            .setTaskQueue(queue)
            .setStartToCloseTimeout(startToClose)
            // A cancelled call is over only when it can have no more effect.
            .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
            .setRetryOptions(retry)
            .setSummary(summary);
    if (heartbeat != null) {
      options.setHeartbeatTimeout(heartbeat);
    }
    if (scheduleToClose != null) {
      options.setScheduleToCloseTimeout(scheduleToClose);
    }
    return options.build();
  }

  private static RetryOptions retry(int initialSeconds, int maximumSeconds, double coefficient) {
    return RetryOptions.newBuilder()
        .setInitialInterval(seconds(initialSeconds))
        .setMaximumInterval(seconds(maximumSeconds))
        .setBackoffCoefficient(coefficient)
        .setDoNotRetry(FINAL_KINDS)
        .build();
  }

  private static Duration seconds(int seconds) {
    return Duration.ofSeconds(seconds);
  }

  private static Duration minutes(int minutes) {
    return Duration.ofMinutes(minutes);
  }
}
