package dev.dstack.workflows.view;

import io.temporal.activity.ActivityInterface;
import java.util.List;

/**
 * Writes what is shown. Called as a local activity, and as a normal one while the database is away.
 * Each call is one transaction; repeating it, or being late with it, changes nothing.
 */
@ActivityInterface(namePrefix = "view.")
public interface ProjectionActivities {
  void projectRun(RunView view);

  void projectJob(JobView view);

  /** Several jobs of one run, all at once. */
  void projectJobs(List<JobView> views);

  void projectInstance(InstanceView view);

  void projectFleet(FleetView view);

  void projectVolume(VolumeView view);
}
