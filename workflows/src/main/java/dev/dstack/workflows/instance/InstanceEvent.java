package dev.dstack.workflows.instance;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.workflows.instance.CloudActivities.HostNews;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import java.time.Instant;

/** What can happen to an instance. */
sealed interface InstanceEvent {
  /** First start, or going on after continue-as-new. */
  record Begin() implements InstanceEvent {}

  record Created(MachineView machine) implements InstanceEvent {}

  record HostUp(MachineView machine) implements InstanceEvent {}

  /** Creating the machine or waiting for its agent has failed for good. */
  record ProvisioningFailed(ErrorKind kind, String message) implements InstanceEvent {}

  /** A call that was called off is over. */
  record ProvisioningCanceled() implements InstanceEvent {}

  record HostChanged(HostNews news) implements InstanceEvent {}

  record WatchFailed(String message) implements InstanceEvent {}

  /** The attempt to bring the agent back is over; the watch tells whether it worked. */
  record Revived(boolean succeeded, String message) implements InstanceEvent {}

  record TerminationAsked(InstanceTermination termination) implements InstanceEvent {}

  record Terminated() implements InstanceEvent {}

  record TerminationFailed(String message) implements InstanceEvent {}

  record Tick(Instant at) implements InstanceEvent {}
}
