package dev.dstack.workflows.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunState.Phase;
import dev.dstack.workflows.view.WhyAttempt;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run waits for at this moment.
 *
 * @param nextTriggeredAt only while a scheduled run waits for its time
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunWhy(RunStatus status, @Nullable Instant nextTriggeredAt, List<Replica> replicas) {
  public RunWhy {
    replicas = List.copyOf(replicas);
  }

  /**
   * @param asking the fleets whose answer it waits for, or in whose queues it is
   * @param creating some fleet makes an instance for it
   * @param until when it gives up waiting
   * @param retryAt when it asks again
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Replica(
      Phase phase,
      List<FleetRef> asking,
      boolean creating,
      @Nullable Instant until,
      @Nullable Instant retryAt,
      WhyAttempt attempt) {
    public Replica {
      asking = List.copyOf(asking);
    }
  }

  static RunWhy of(RunInput input, RunState state) {
    return new RunWhy(
        state.status(),
        state.nextTriggeredAt(),
        state.replicas().stream().map(one -> replica(input, one)).toList());
  }

  private static Replica replica(RunInput input, RunState.Replica replica) {
    List<FleetRef> asking =
        switch (replica.phase()) {
          case ASKING -> List.of(input.plan().fleets().get(replica.fleetIndex()));
          case WAITING -> replica.waitingAt();
          case ACTIVE, RESTARTING, BACKING_OFF, DONE, FAILED -> List.of();
        };
    Instant until =
        switch (replica.phase()) {
          case ASKING -> replica.answerBy();
          case WAITING -> replica.waitUntil();
          case ACTIVE, RESTARTING, BACKING_OFF, DONE, FAILED -> null;
        };
    return new Replica(
        replica.phase(),
        asking,
        replica.creating(),
        until,
        replica.retryAt(),
        attempt(replica.num(), replica.submission(), replica.jobs(), replica.considered()));
  }

  static WhyAttempt attempt(
      int num,
      int submission,
      List<RunState.JobSlot> jobs,
      List<WhyAttempt.Considered> considered) {
    Instant asked = jobs.isEmpty() ? Instant.EPOCH : jobs.getFirst().submittedAt();
    return new WhyAttempt(num, submission, asked, considered);
  }
}
