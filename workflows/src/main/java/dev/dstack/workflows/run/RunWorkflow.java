package dev.dstack.workflows.run;

import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.job.JobReport;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One run. Workflow id: {@code run:{project}:{name}}. */
@WorkflowInterface
public interface RunWorkflow {
  @WorkflowMethod(name = "Run")
  void run(RunInput input);

  @SignalMethod
  void stop(RunStop stop);

  @SignalMethod
  void update(RunUpdate update);

  @SignalMethod
  void fleetAnswered(FleetAnswer answer);

  @SignalMethod
  void jobReported(JobReport report);

  @QueryMethod
  RunState state();

  /** What it waits for now. */
  @QueryMethod
  RunWhy why();
}
