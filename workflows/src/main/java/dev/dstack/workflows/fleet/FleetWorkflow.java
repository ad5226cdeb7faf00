package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.RunId;
import dev.dstack.workflows.instance.InstanceReport;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One fleet, from its creation to its deletion. Workflow id: {@code fleet:{project}:{name}}. */
@WorkflowInterface
public interface FleetWorkflow {
  @WorkflowMethod(name = "Fleet")
  void run(FleetInput input);

  /** All of the wanted jobs are placed, or none. */
  @SignalMethod
  void reserve(ReserveRequest request);

  /** Gives back claims and forgets a waiting request; unknown is success. */
  @SignalMethod
  void release(ReleaseRequest request);

  @SignalMethod
  void instanceReported(InstanceReport report);

  /** The configuration has changed. */
  @SignalMethod
  void reconfigure(FleetPlan plan);

  /** Ends some of its instances; those that a job has stay. */
  @SignalMethod
  void deleteInstances(InstanceRemoval removal);

  /** Ends the fleet with its instances once no job uses them. */
  @SignalMethod
  void delete();

  @QueryMethod
  FleetState state();

  /** What this run has or waits for here, and why it does not get it. */
  @QueryMethod
  FleetWhy why(RunId run);
}
