package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import java.time.Instant;
import java.util.List;

/** What can happen to a volume. */
sealed interface VolumeEvent {
  record Begin() implements VolumeEvent {}

  record Ready(Made made) implements VolumeEvent {}

  record NotMade(ErrorKind kind, String message) implements VolumeEvent {}

  record Attach(AttachRequest request) implements VolumeEvent {}

  record Detach(JobId job) implements VolumeEvent {}

  record Attached(InstanceId instance, Mounted mounted) implements VolumeEvent {}

  /** It may be attached all the same. */
  record NotAttached(InstanceId instance, ErrorKind kind, String message) implements VolumeEvent {}

  record Detached(InstanceId instance) implements VolumeEvent {}

  record NotDetached(InstanceId instance, boolean forced, String message) implements VolumeEvent {}

  record Delete() implements VolumeEvent {}

  record Deleted() implements VolumeEvent {}

  record NotDeleted(String message) implements VolumeEvent {}

  /** Which of the jobs asked for are over. */
  record OwnersClosed(List<String> workflowIds) implements VolumeEvent {
    public OwnersClosed {
      workflowIds = List.copyOf(workflowIds);
    }
  }

  record Tick(Instant at) implements VolumeEvent {}
}
