package dev.dstack.activities.volume;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.WithVolumes;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.VolumeActivities;
import java.util.List;

/** Volumes of the backends that have them. */
public final class VolumeActivitiesImpl implements VolumeActivities {
  private final BackendRegistry backends;
  private final AgentDirectory directory;

  public VolumeActivitiesImpl(BackendRegistry backends, AgentDirectory directory) {
    this.backends = backends;
    this.directory = directory;
  }

  @Override
  public void attachVolumes(TaskRef task, List<String> volumes) {
    if (volumes.isEmpty()) {
      return;
    }
    InstanceMachine machine = directory.machine(task.instance());
    ComputeBackend backend = backends.await(machine.project(), machine.backend());
    if (!(backend instanceof WithVolumes with)) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "Backend "
              + machine.backend()
              + " has no volumes; remove `volumes` or use another fleet.");
    }
    with.attach(directory.tag(task.instance(), machine.attempt()), volumes);
  }

  @Override
  public void detachVolumes(TaskRef task, List<String> volumes) {
    if (volumes.isEmpty()) {
      return;
    }
    InstanceMachine machine;
    try {
      machine = directory.machine(task.instance());
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.HOST_LOST) {
        // With the machine its attachments are gone.
        return;
      }
      throw e;
    }
    if (backends.await(machine.project(), machine.backend()) instanceof WithVolumes with) {
      with.detach(directory.tag(task.instance(), machine.attempt()), volumes);
    }
  }
}
