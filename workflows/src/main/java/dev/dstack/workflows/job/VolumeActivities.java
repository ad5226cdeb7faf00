package dev.dstack.workflows.job;

import io.temporal.activity.ActivityInterface;
import java.util.List;

/**
 * Attaching volumes to the host of a job. Repeatable; detaching what is not attached is success.
 */
@ActivityInterface(namePrefix = "volume.")
public interface VolumeActivities {
  void attachVolumes(AgentActivities.TaskRef task, List<String> volumes);

  void detachVolumes(AgentActivities.TaskRef task, List<String> volumes);
}
