package dev.dstack.workflows.view;

import io.temporal.activity.ActivityInterface;

/**
 * Writes what is shown. Called as a local activity, and as a normal one while the database is away.
 * Each call is one transaction; repeating it, or being late with it, changes nothing.
 */
@ActivityInterface(namePrefix = "view.")
public interface ProjectionActivities {
  void projectRun(RunView view);

  void projectJob(JobView view);

  void projectInstance(InstanceView view);

  void projectFleet(FleetView view);
}
