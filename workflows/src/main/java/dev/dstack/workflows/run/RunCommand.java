package dev.dstack.workflows.run;

import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import java.util.List;

/** What a run's workflow is to do next, in this order. */
sealed interface RunCommand {
  record Ask(FleetRef fleet, ReserveRequest request) implements RunCommand {}

  record StartJob(JobInput job) implements RunCommand {}

  record StopJob(String jobWorkflowId, JobStop stop) implements RunCommand {}

  /** Of a submission whose workflow has not started. */
  record ShowJob(JobView view) implements RunCommand {}

  /** The same of several nodes at once. */
  record ShowJobs(List<JobView> views) implements RunCommand {
    public ShowJobs {
      views = List.copyOf(views);
    }
  }

  record Show(RunView view) implements RunCommand {}

  record Release(FleetRef fleet, ReleaseRequest request) implements RunCommand {}
}
