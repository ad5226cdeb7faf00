package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;

/** What a fleet answers to a {@link ReserveRequest}. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = FleetAnswer.Granted.class, name = "granted"),
  @JsonSubTypes.Type(value = FleetAnswer.Refused.class, name = "refused"),
  @JsonSubTypes.Type(value = FleetAnswer.Queued.class, name = "queued")
})
public sealed interface FleetAnswer {
  String requestId();

  FleetRef fleet();

  /**
   * @param refusals what failed before it could be granted
   */
  record Granted(
      String requestId,
      FleetRef fleet,
      List<Placement> placements,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Refusal> refusals)
      implements FleetAnswer {
    public Granted {
      placements = List.copyOf(placements);
      // Older histories do not have them.
      refusals = refusals == null ? List.of() : List.copyOf(refusals);
    }

    public Granted(String requestId, FleetRef fleet, List<Placement> placements) {
      this(requestId, fleet, placements, List.of());
    }
  }

  record Refused(String requestId, FleetRef fleet, List<Refusal> refusals) implements FleetAnswer {
    public Refused {
      refusals = List.copyOf(refusals);
    }
  }

  /**
   * The outcome follows later.
   *
   * @param creating a machine is being made for it
   */
  record Queued(String requestId, FleetRef fleet, List<Refusal> refusals, boolean creating)
      implements FleetAnswer {
    public Queued {
      refusals = List.copyOf(refusals);
    }
  }

  /** Why one instance, offer or the fleet itself can't serve the request now. */
  record Refusal(String what, String why) {}
}
