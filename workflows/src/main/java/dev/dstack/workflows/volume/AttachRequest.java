package dev.dstack.workflows.volume;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import java.time.Duration;

/**
 * A job wants the volume on its machine. The same job again is the same request.
 *
 * @param jobWorkflowId while this workflow is open, the volume is not taken away from it
 * @param stopDuration how long the machine may take to let go of the volume afterwards
 */
public record AttachRequest(
    JobId job, String jobWorkflowId, String runName, Host host, Duration stopDuration) {
  /** Where the volume is to be. */
  public record Host(InstanceId instance, String name, int number, String fleet, String machine) {}
}
