package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.instance.InstanceTermination;
import java.util.List;

/** What a fleet's workflow is to do next. */
sealed interface FleetCommand {
  record Answer(String replyTo, FleetAnswer answer) implements FleetCommand {}

  record StartInstance(int serial, InstanceId id, int number, String name, Offer offer)
      implements FleetCommand {}

  record TerminateInstance(InstanceId id, InstanceTermination termination)
      implements FleetCommand {}

  record FindOffers() implements FleetCommand {}

  record FindClosed(List<String> workflowIds) implements FleetCommand {
    public FindClosed {
      workflowIds = List.copyOf(workflowIds);
    }
  }

  /** The run of this job is over without having stopped it. */
  record StopJob(String jobWorkflowId) implements FleetCommand {}
}
