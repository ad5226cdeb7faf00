package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a fleet stands to the requests of one run, at this moment. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FleetWhy(FleetRef fleet, FleetStatus status, int instances, List<Standing> requests) {
  public FleetWhy {
    requests = List.copyOf(requests);
  }

  /** Where a request is. */
  public enum Place {
    /** Waits until something is free. */
    QUEUED,
    /** An instance is being made that it waits for. */
    CREATING,
    /** Has its instances. */
    GRANTED
  }

  /**
   * @param position in the queue, the first is 1; 0 when it is not in it
   * @param waits how many requests are in the queue
   * @param waitUntil when waiting ends
   * @param nextAttemptAt when offers are asked for again; absent: with the next change
   * @param creating instances that are being made for it, in words
   * @param refusals why it can't be served now
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Standing(
      String requestId,
      Place place,
      int position,
      int waits,
      @Nullable Instant waitUntil,
      @Nullable Instant nextAttemptAt,
      List<String> creating,
      List<Refusal> refusals) {
    public Standing {
      creating = List.copyOf(creating);
      refusals = List.copyOf(refusals);
    }
  }
}
