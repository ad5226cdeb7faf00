package dev.dstack.workflows.job;

import io.temporal.activity.ActivityInterface;
import java.util.List;

/**
 * Having volumes on the host of a job, asked of the volumes' own workflows. Repeatable; detaching
 * what is not attached is success.
 */
@ActivityInterface(namePrefix = "volume.")
public interface VolumeActivities {
  /**
   * @param volumes one for each mount; several names separated by commas are alternatives, of which
   *     the first that the host can have is taken
   */
  void attachVolumes(AgentActivities.TaskRef task, List<String> volumes);

  /** Returns when the host has let go of what no other job has there. */
  void detachVolumes(AgentActivities.TaskRef task, List<String> volumes);
}
