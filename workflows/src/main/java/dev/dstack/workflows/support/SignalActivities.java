package dev.dstack.workflows.support;

import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import io.temporal.activity.ActivityInterface;
import java.util.List;

/**
 * Signals from one workflow to another, sent by a local activity: one history event instead of the
 * five of a signal command. Delivery is at least once and may have happened without being recorded;
 * receivers drop what they have seen, and senders repeat the undo on their way out. A receiver that
 * does not exist any more is success.
 */
@ActivityInterface(namePrefix = "signal.")
public interface SignalActivities {
  /** False: there is no such fleet (any more), so no answer will come. */
  boolean fleetReserve(String fleetWorkflowId, ReserveRequest request);

  void fleetRelease(String fleetWorkflowId, ReleaseRequest request);

  void fleetInstanceReported(String fleetWorkflowId, InstanceReport report);

  void runFleetAnswered(String runWorkflowId, FleetAnswer answer);

  void runJobReported(String runWorkflowId, JobReport report);

  void jobStop(String jobWorkflowId, JobStop stop);

  void instanceTerminate(String instanceWorkflowId, InstanceTermination termination);

  /**
   * Those of the given workflows that are closed or unknown. Not a signal, but the same kind of
   * question to the engine: a fleet frees claims whose run and job are over without having said so.
   */
  List<String> closedWorkflows(List<String> workflowIds);
}
