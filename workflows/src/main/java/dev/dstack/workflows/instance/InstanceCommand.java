package dev.dstack.workflows.instance;

import dev.dstack.workflows.view.InstanceView;

/** What an instance's workflow is to do next, in this order. */
sealed interface InstanceCommand {
  /** Finds or creates the machine; its undo is the termination, which always follows. */
  record Create() implements InstanceCommand {}

  record AwaitHost() implements InstanceCommand {}

  record CancelProvisioning() implements InstanceCommand {}

  record WatchHost(boolean reachable) implements InstanceCommand {}

  record CancelWatch() implements InstanceCommand {}

  /** Makes sure that machine and agent run; restarts a local agent. */
  record Revive() implements InstanceCommand {}

  record Terminate() implements InstanceCommand {}

  record Show(InstanceView view) implements InstanceCommand {}

  record Tell(InstanceReport report) implements InstanceCommand {}
}
