package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.instance.OfferSearch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a fleet's workflow is to do next. */
sealed interface FleetCommand {
  record Answer(String replyTo, FleetAnswer answer) implements FleetCommand {}

  record StartInstance(int serial, InstanceId id, int number, String name, Offer offer)
      implements FleetCommand {}

  record TerminateInstance(InstanceId id, InstanceTermination termination)
      implements FleetCommand {}

  /**
   * @param search absent: whatever the fleet may have
   */
  record FindOffers(@Nullable OfferSearch search) implements FleetCommand {}

  record FindClosed(List<String> workflowIds) implements FleetCommand {
    public FindClosed {
      workflowIds = List.copyOf(workflowIds);
    }
  }

  /** The run of this job is over without having stopped it. */
  record StopJob(String jobWorkflowId) implements FleetCommand {}
}
