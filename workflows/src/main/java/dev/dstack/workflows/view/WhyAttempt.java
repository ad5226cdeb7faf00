package dev.dstack.workflows.view;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import java.time.Instant;
import java.util.List;

/**
 * How one attempt to get capacity for a replica went. Kept beside the run, also long after its end.
 *
 * @param submission of the replica's jobs
 * @param fleets each fleet that was asked, with the last that it said
 */
public record WhyAttempt(int replica, int submission, Instant askedAt, List<Considered> fleets) {
  public WhyAttempt {
    fleets = List.copyOf(fleets);
  }

  public enum Outcome {
    GRANTED,
    REFUSED,
    QUEUED,
    /** Made an instance for it. */
    CREATING
  }

  /**
   * @param refusals what of the fleet and its offers would not do, or failed
   */
  public record Considered(
      FleetRef fleet,
      Instant at,
      Outcome outcome,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Refusal> refusals) {
    public Considered {
      refusals = refusals == null ? List.of() : List.copyOf(refusals);
    }
  }

  /** Nothing but a fleet that had what was asked for is no story. */
  public boolean isPlain() {
    return fleets.stream()
        .allMatch(one -> one.outcome() == Outcome.GRANTED && one.refusals().isEmpty());
  }
}
