package dev.dstack.workflows.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.view.WhyAttempt.Considered;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that a run remembers; its argument when it continues as new.
 *
 * @param since when this execution was asked for: the submission, or the last trigger of a schedule
 * @param nextTriggeredAt only while a scheduled run waits for its time
 * @param nextSubmission of every job in the next execution of a schedule
 * @param asked fleets that may hold something for this run
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record RunState(
    long revision,
    RunStatus status,
    boolean begun,
    @Nullable RunTerminationReason reason,
    @Nullable String message,
    int priority,
    int deploymentNum,
    @Nullable FleetRef fleet,
    Instant since,
    @Nullable Instant nextTriggeredAt,
    int nextSubmission,
    List<Replica> replicas,
    List<FleetRef> asked) {
  public RunState {
    replicas = copy(replicas);
    asked = copy(asked);
  }

  /** Where one replica stands. */
  public enum Phase {
    /** One fleet after the other is asked for an answer now. */
    ASKING,
    /** It stands in the queues of all fleets. */
    WAITING,
    ACTIVE,
    /** A job failed in a way that is retried; the others are being stopped. */
    RESTARTING,
    BACKING_OFF,
    DONE,
    FAILED
  }

  /**
   * @param submission of its jobs
   * @param attempt retries since it last ran for a good while
   * @param fleetIndex the fleet that is being asked
   * @param waitingAt the fleets whose queues it is in
   * @param queued some fleet said that it has to wait
   * @param creating some fleet makes an instance for it
   * @param answerBy when silence counts as a refusal
   * @param failedAt the end of the last attempt that had started; retries are counted from it
   * @param held places of nodes that wait until others run
   * @param considered what each fleet said that was asked for this submission
   * @param untold some of that has not been shown yet
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record Replica(
      int num,
      Phase phase,
      int submission,
      int attempt,
      @Nullable String requestId,
      int fleetIndex,
      List<FleetRef> waitingAt,
      boolean queued,
      boolean creating,
      List<String> refusals,
      @Nullable Instant answerBy,
      @Nullable Instant waitUntil,
      @Nullable Instant retryAt,
      @Nullable Instant failedAt,
      @Nullable Instant runningAt,
      @Nullable FleetRef fleet,
      List<JobSlot> jobs,
      List<Placement> held,
      List<Considered> considered,
      @Nullable Boolean untold) {
    public Replica {
      considered = copy(considered);
      held = copy(held);
      waitingAt = copy(waitingAt);
      refusals = copy(refusals);
      jobs = copy(jobs);
    }
  }

  /**
   * A job submission as the run knows it.
   *
   * @param started its own workflow shows it from then on
   * @param shown the run has shown it, as it had to wait
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record JobSlot(
      JobId id,
      int jobNum,
      String jobName,
      Instant submittedAt,
      JobStatus status,
      boolean started,
      boolean shown,
      boolean stopping,
      long seq,
      @Nullable JobTerminationReason reason,
      @Nullable String message,
      @Nullable Integer exitStatus) {
    JobSlot in(JobStatus next, boolean hasStarted) {
      return new JobSlot(
          id,
          jobNum,
          jobName,
          submittedAt,
          next,
          hasStarted,
          shown,
          stopping,
          seq,
          reason,
          message,
          exitStatus);
    }

    JobSlot beingShown() {
      return new JobSlot(
          id,
          jobNum,
          jobName,
          submittedAt,
          status,
          started,
          true,
          stopping,
          seq,
          reason,
          message,
          exitStatus);
    }

    JobSlot beingStopped() {
      return new JobSlot(
          id,
          jobNum,
          jobName,
          submittedAt,
          status,
          started,
          shown,
          true,
          seq,
          reason,
          message,
          exitStatus);
    }

    JobSlot ended(JobTerminationReason why, String words, @Nullable Integer status) {
      return new JobSlot(
          id,
          jobNum,
          jobName,
          submittedAt,
          why.finalStatus(),
          started,
          shown,
          stopping,
          seq,
          why,
          words,
          status);
    }

    JobSlot reported(JobReport report) {
      return new JobSlot(
          id,
          jobNum,
          jobName,
          submittedAt,
          report.status(),
          true,
          shown,
          stopping,
          report.seq(),
          report.reason(),
          report.message(),
          report.exitStatus());
    }
  }

  static RunState initial(RunInput input) {
    boolean scheduled = !input.plan().cron().isEmpty();
    return new RunState(
        0,
        scheduled ? RunStatus.PENDING : RunStatus.SUBMITTED,
        false,
        null,
        null,
        input.plan().priority(),
        0,
        null,
        input.submittedAt(),
        null,
        0,
        List.of(),
        List.of());
  }

  /** Empty lists are left out of the JSON. */
  private static <T> List<T> copy(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }
}
