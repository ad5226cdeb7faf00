package dev.dstack.workflows.view;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run as shown. A view of a lower revision never replaces one of a higher.
 *
 * @param why attempts to get capacity of which there is news
 */
public record RunView(
    RunId id,
    ProjectId projectId,
    long revision,
    RunStatus status,
    String statusMessage,
    @Nullable RunTerminationReason reason,
    @Nullable String error,
    @Nullable FleetRef fleet,
    Instant at,
    @Nullable Instant nextTriggeredAt,
    int priority,
    int deploymentNum,
    List<TimelineEvent> events,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<WhyAttempt> why) {
  public RunView {
    events = List.copyOf(events);
    why = why == null ? List.of() : List.copyOf(why);
  }
}
